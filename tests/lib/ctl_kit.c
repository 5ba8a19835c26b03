#include "lib/ctl_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS_MAX 1000000
#define BOUND (256u << 20)

static void give_up(const char *what)
{
	perror(what);
	abort();
}

/* ---- the host ---- */

void kit_host(void *kit, struct ctl_host *out)
{
	struct kit *k = kit;
	*out = (struct ctl_host){ .core = k->w.core, .now_ms = k->w.now_ms, .wall_ms = WORLD_WALL_MS + k->w.now_ms,
				  .started_wall_ms = WORLD_WALL_MS + 1000000, .children = k->children, .child_count = 2,
				  .counters = &k->counters, .latency = k->latency, .zones = k->zones, .zones_told = k->zones != NULL,
				  .reloads = k->last_reloads, .hook = k->hook, .journal_failed = k->journal_failed,
				  .logging = &k->logging, .tap = &k->tap, .log_dropped = 3 };
}

static void on_logging(void *kit, const struct ctl_logging *l)
{
	struct kit *k = kit;
	k->logging = *l;
	k->loggings++;
}

/* The world carries the effects out and keeps what was replied as text: "reply 1 …", "refused 1 …". */
static void on_command(void *kit, const struct core_command *c)
{
	struct kit *k = kit;
	k->commands++;
	k->command_id = c->id;
	k->last = *c;
	if (k->hold)
		return;
	world_trace(&k->w, NULL);
	world_step(&k->w, &(struct core_event){ .type = CORE_COMMAND, .command = *c });
	const char *said = world_trace(&k->w, "reply|refused");
	unsigned id = 0;
	int at = 0;
	char word[16], text[512];
	if (sscanf(said, "%15s %u %n", word, &id, &at) != 2)
		return; /* waits for the disk */
	snprintf(text, sizeof text, "%.*s", (int)strcspn(said + at, "\n"), said + at);
	ctl_command_done(k->server, id, strcmp(word, "refused") == 0, text);
}

static void on_reload(void *kit, uint32_t id)
{
	struct kit *k = kit;
	k->reloads++;
	k->reload_id = id;
}

static void on_stop(void *kit)
{
	((struct kit *)kit)->stops++;
}

static void on_probe(void *kit, uint32_t id, uint64_t generation, uint32_t stream, bool steps)
{
	struct kit *k = kit;
	k->probe_id = id;
	k->probe_generation = generation;
	k->probe_stream = stream;
	k->probe_steps = steps;
	k->probes++;
}

static const char *on_what_if(void *kit, const struct ctl_what_if *ask)
{
	static const uint8_t said[] = { 1, 0, 0, 0, 6, 't', 'a', 'k', 'e', 'n', '\n', 3, 0, 0, 0, 1, 0 }; /* ctl.h: frames */
	struct kit *k = kit;
	k->what_ifs++;
	k->begun.len = 0;
	bytes_add(&k->begun, ask->begun, ask->begun_len);
	if (!k->what_if_refused && write(ask->fd, said, sizeof said) != sizeof said)
		give_up("write");
	close(ask->fd);
	return k->what_if_refused;
}

static void on_upgrade(void *kit, uint32_t id, bool json, int client)
{
	struct kit *k = kit;
	k->upgrade_id = id;
	k->upgrade_json = json;
	k->upgrade_client = client;
	k->upgrades++;
}

/* ---- life ---- */

void kit_begin(struct kit *k, const char *plan)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	memset(k, 0, sizeof *k);
	signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
	world_begin(&k->w, plan);
	snprintf(k->dir, sizeof k->dir, "/tmp/ctl_test.XXXXXX");
	if (!mkdtemp(k->dir))
		give_up("mkdtemp");
	snprintf(k->path, sizeof k->path, "%s/control", k->dir);
	strcpy(a.sun_path, k->path);
	k->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(k->listen_fd, (struct sockaddr *)&a, sizeof a) || listen(k->listen_fd, 128))
		give_up("listen");
	k->base = event_base_new();
	struct ctl_actions actions = { k, kit_host, on_command, on_reload, on_stop, on_probe, on_what_if, on_logging, on_upgrade };
	k->server = ctl_server_new(k->base, k->listen_fd, &actions);
	if (!k->server)
		give_up("ctl_server_new");
	k->children[0] = (struct ctl_child){ "responder", 1001, 0, WORLD_WALL_MS + 1000000, "no" };
	k->children[1] = (struct ctl_child){ "prober", 1002, 3, WORLD_WALL_MS + 1000000, "landlock, seccomp" };
	k->logging = (struct ctl_logging){ .level = LOG_LEVEL_INFO, .form = LOG_TEXT, .node = "ns1" };
	bytes_init(&k->out, BOUND);
	bytes_init(&k->err, BOUND);
	bytes_init(&k->progress, BOUND);
	bytes_init(&k->begun, BOUND);
}

void kit_end(struct kit *k)
{
	ctl_server_free(k->server);
	event_base_free(k->base);
	close(k->listen_fd);
	unlink(k->path);
	rmdir(k->dir);
	world_end(&k->w);
	bytes_deinit(&k->out);
	bytes_deinit(&k->begun);
	bytes_deinit(&k->err);
	bytes_deinit(&k->progress);
}

/* ---- a client ---- */

void kit_turn(struct kit *k)
{
	for (int i = 0; i < 8; i++) /* accept, read, answer, write: one each, and some to spare */
		event_base_loop(k->base, EVLOOP_NONBLOCK);
}

int kit_connect(struct kit *k)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, k->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a))
		give_up("connect");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

void kit_send(struct kit *k, int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	for (int i = 0; len && i < TURNS_MAX; i++) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break; /* it has heard enough */
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		kit_turn(k);
	}
	kit_turn(k);
}

static void take_frames(struct kit *k, const struct bytes *reply)
{
	struct rbuf r;
	k->out.len = k->err.len = k->progress.len = 0;
	k->exit = KIT_NO_EXIT;
	rbuf_init(&r, reply->data, reply->len);
	while (rbuf_left(&r) && k->exit == KIT_NO_EXIT) {
		uint8_t kind = get_u8(&r);
		uint32_t len = get_u32(&r);
		const uint8_t *p = get_bytes(&r, len);
		if (r.failed)
			break;
		if (kind == 3 && len == 1)
			k->exit = *p;
		else if (kind == 1 || kind == 2)
			bytes_add(kind == 1 ? &k->out : &k->err, p, len);
		else if (kind == 4)
			bytes_add(&k->progress, p, len);
		else
			give_up("frame");
	}
	if (rbuf_left(&r))
		give_up("octets behind the exit");
}

void kit_take(struct kit *k, int fd)
{
	struct bytes reply;
	uint8_t room[65536];
	bytes_init(&reply, BOUND);
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n = recv(fd, room, sizeof room, 0);
		if (n > 0)
			bytes_add(&reply, room, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			break;
		event_base_loop(k->base, EVLOOP_NONBLOCK);
	}
	close(fd);
	take_frames(k, &reply);
	bytes_deinit(&reply);
}

size_t kit_request(struct kit *k, uint8_t *out, size_t cap, unsigned flags, const char *text)
{
	char copy[1024], *words[CTL_ARGS_MAX], *at = NULL;
	struct wbuf w;
	size_t n = 0;
	snprintf(copy, sizeof copy, "%s", text);
	for (char *p = strtok_r(copy, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
		for (char *c = p; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		words[n++] = p;
	}
	wbuf_init(&w, out, cap);
	put_bytes(&w, "GEMC", 4);
	put_u8(&w, (uint8_t)flags);
	put_u16(&w, (uint16_t)k->width);
	put_u16(&w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		put_str(&w, words[i]);
	return w.len;
}

void kit_ask(struct kit *k, unsigned flags, const char *text)
{
	uint8_t request[2048];
	size_t len = kit_request(k, request, sizeof request, flags, text);
	int fd = kit_connect(k);
	kit_send(k, fd, request, len);
	kit_take(k, fd);
}

static const char *as_text(struct bytes *b)
{
	bytes_u8(b, 0);
	b->len--;
	return (const char *)b->data;
}

const char *kit_out(struct kit *k)
{
	return as_text(&k->out);
}

const char *kit_err(struct kit *k)
{
	return as_text(&k->err);
}
