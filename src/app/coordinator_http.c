/* HTTP, where the node has it: the listener that the supervisor opened, and what processes take of the machine.
 *
 *     /proc/PID/stat   "1234 (gemeld) S 1 …"   fields 14 and 15: ticks of the processor, 20: threads, 24: pages in memory
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "app/coordinator_state.h"
#include "io/log.h"

/* What stands behind the name, which may hold anything; the field behind it is number 3. */
static bool parse_stat(const char *text, struct ctl_usage *out)
{
	const char *at = strrchr(text, ')');
	unsigned long long user, system, threads, pages;
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %llu %*d %*u %*u %llu", &user, &system,
			  &threads, &pages) != 4)
		return false;
	long a_second = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
	if (a_second <= 0 || page <= 0)
		return false;
	*out = (struct ctl_usage){ .cpu_ms = (user + system) * 1000 / (unsigned long)a_second, .threads = (uint32_t)threads,
				   .resident_bytes = pages * (unsigned long)page };
	return true;
}

static bool read_usage(const struct ctl_child *k, struct ctl_usage *out)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%u/stat", k->pid);
	int fd = k->pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return parse_stat(text, out);
}

static enum ipc_role role_of(const struct ctl_child *k)
{
	enum ipc_role r = IPC_TAP;
	while (r > IPC_ROLE_NONE && strcmp(ipc_role_text(r), k->role) != 0)
		r--;
	return r;
}

static bool usage(void *ctx, const struct ctl_child *k, struct ctl_usage *out)
{
	const struct coordinator *c = ctx;
	if (!read_usage(k, out))
		return false;
	out->cpu_ms += c->cpu_before_ms[role_of(k)];
	return true;
}

uint64_t coordinator_cpu_ms(const struct coordinator *c, enum ipc_role role)
{
	struct ctl_usage u;
	for (size_t i = 0; i < c->child_count; i++)
		if (role_of(&c->children[i]) == role && read_usage(&c->children[i], &u))
			return c->cpu_before_ms[role] + u.cpu_ms;
	return c->cpu_before_ms[role];
}

static void on_refused(void *ctx, const char *from)
{
	(void)ctx;
	log_line(LOG_LEVEL_WARNING, "a wrong token for http_admin came from %s", from);
}

void coordinator_command_done(struct coordinator *c, uint32_t id, bool refused, const char *text)
{
	if (id < CTL_HTTP_IDS)
		ctl_command_done(c->ctl, id, refused, text);
	else if (c->http)
		ctl_http_command_done(c->http, id, refused, text);
}

void coordinator_http_begin(struct coordinator *c)
{
	const struct ctl_http_host h = { .ctx = c, .host = coordinator_get_host, .usage = usage,
					 .command = coordinator_actions.command, .refused = on_refused };
	if (c->http_fd < 0)
		return;
	c->http = ctl_http_new(c->base, c->http_fd, &h);
	if (c->http)
		ctl_http_go_on(c->http, &c->inherited);
	if (!c->http) /* DNS goes on without it */
		log_line(LOG_LEVEL_ERROR, "alarm: HTTP cannot be served: out of memory");
}
