#include "io/plugin.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct plugin {
	LIST_ENTRY(plugin) link;
	pid_t pid;          /* and its process group */
	int out, fault;     /* what it writes; the errno of an exec that failed */
	struct event *read; /* NULL after the end of its output */
	size_t len, total;
	bool flooded;
	plugin_done done;
	void *ctx;
	uint8_t output[PLUGIN_OUTPUT_KEPT];
};

static LIST_HEAD(, plugin) plugins = LIST_HEAD_INITIALIZER(plugins); /* by process: there is one SIGCHLD */

/* ---- the child ---- */

static void bound(int what, rlim_t most)
{
	struct rlimit r = { most, most };

	setrlimit((__rlimit_resource_t)what, &r);
}

/* Splits strings with their NULs; the last entry of list is NULL. */
static bool split(char *list[PLUGIN_WORDS_MAX + 1], const char *text, size_t len)
{
	size_t n = 0;

	if (len > 0 && text[len - 1] != '\0')
		return false;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		if (n == PLUGIN_WORDS_MAX)
			return false;
		list[n++] = (char *)(uintptr_t)(text + at);
	}
	list[n] = NULL;
	return true;
}

static void become(char *const argv[], char *const env[], pid_t parent, int in, int out, int fault)
{
	static const int signals[] = { SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigset_t none;
	int null = open("/dev/null", O_RDWR), error;

	setpgid(0, 0);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_CPU, PLUGIN_CPU_S);
	bound(RLIMIT_FSIZE, PLUGIN_FILE_MAX);
	bound(RLIMIT_NOFILE, PLUGIN_FILES_MAX);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC); /* what we, or whoever started us, left open to programs */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == parent && null >= 0 && chdir("/") == 0 && dup2(in >= 0 ? in : null, 0) == 0 && dup2(out, 1) == 1 && dup2(null, 2) == 2)
		execve(argv[0], argv, env);
	error = errno;
	if (write(fault, &error, sizeof error) < 0)
		_exit(126);
	_exit(127);
}

/* ---- output ---- */

static void stop_reading(struct plugin *p)
{
	if (p->read != NULL)
		event_free(p->read);
	p->read = NULL;
}

/* False when there is nothing to be read at the moment, or never again. */
static bool read_some(struct plugin *p)
{
	uint8_t room[4096];
	ssize_t n = read(p->out, room, sizeof room);
	size_t fits;

	if (n < 0 && errno == EINTR)
		return true;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		stop_reading(p);
	if (n <= 0)
		return false;
	fits = sizeof p->output - p->len < (size_t)n ? sizeof p->output - p->len : (size_t)n;
	memcpy(p->output + p->len, room, fits);
	p->len += fits;
	p->total += (size_t)n;
	if (p->total <= PLUGIN_OUTPUT_MAX)
		return true;
	p->flooded = true;
	stop_reading(p);
	plugin_kill(p);
	return false;
}

static void on_output(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	read_some(ctx);
}

/* ---- life ---- */

static void plugin_free(struct plugin *p)
{
	stop_reading(p);
	if (p->out >= 0)
		close(p->out);
	if (p->fault >= 0)
		close(p->fault);
	free(p);
}

/* Its standard input, written and closed behind it before it runs; -1 = none, or errno in *why. */
static int open_input(const struct plugin_words *w, int *why)
{
	int in[2];

	*why = w->input_len > PLUGIN_INPUT_MAX ? EMSGSIZE : 0;
	if (*why != 0 || w->input_len == 0)
		return -1;
	if (pipe2(in, O_CLOEXEC) != 0) {
		*why = errno;
		return -1;
	}
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) != 0 || write(in[1], w->input, w->input_len) != (ssize_t)w->input_len) {
		*why = EIO;
		close(in[0]);
		in[0] = -1;
	}
	close(in[1]);
	return in[0];
}

/* Where the plugin writes, and where an exec that failed says why: pipes whose ends for us are p's. */
static int open_outputs(struct plugin *p, int *out, int *fault)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	p->out = pair[0];
	*out = pair[1];
	/* The plugin's end of it must wait: programs do not expect EAGAIN from their standard output. */
	if (fcntl(*out, F_SETFL, 0) != 0 || pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	p->fault = pair[0];
	*fault = pair[1];
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int fork_plugin(struct plugin *p, const struct plugin_words *w)
{
	char *words[PLUGIN_WORDS_MAX + 1], *vars[PLUGIN_WORDS_MAX + 1];
	int in, out = -1, fault = -1, why;
	pid_t parent = getpid();

	if (!split(words, w->argv, w->argv_len) || words[0] == NULL || words[0][0] != '/' || !split(vars, w->env, w->env_len))
		return EINVAL;
	in = open_input(w, &why);
	if (why == 0)
		why = open_outputs(p, &out, &fault);
	if (why == 0) {
		p->pid = fork();
		if (p->pid == 0)
			become(words, vars, parent, in, out, fault);
		if (p->pid < 0)
			why = errno;
		else
			setpgid(p->pid, p->pid); /* both do it, so that it holds for whoever comes first */
	}
	close_if_open(in);
	close_if_open(out);
	close_if_open(fault);
	return why;
}

struct plugin *plugin_start(struct event_base *base, const struct plugin_words *w, plugin_done done, void *ctx, uint8_t *code)
{
	struct plugin *p = calloc(1, sizeof *p);
	int why = ENOMEM;

	if (p == NULL) {
		*code = ENOMEM;
		return NULL;
	}
	p->out = p->fault = -1;
	p->done = done;
	p->ctx = ctx;
	why = fork_plugin(p, w);
	if (why != 0) {
		*code = (uint8_t)why;
		plugin_free(p);
		return NULL;
	}
	LIST_INSERT_HEAD(&plugins, p, link);
	p->read = event_new(base, p->out, EV_READ | EV_PERSIST, on_output, p);
	if (p->read == NULL || event_add(p->read, NULL) != 0)
		stop_reading(p); /* what it writes is read at its end, and it waits if that is more than a pipe holds */
	return p;
}

void plugin_kill(struct plugin *p)
{
	kill(-p->pid, SIGKILL);
}

/* ---- the end ---- */

static struct plugin *plugin_find(pid_t pid)
{
	struct plugin *p;

	LIST_FOREACH(p, &plugins, link)
		if (p->pid == pid)
			return p;
	return NULL;
}

/* Or, but for those of the plugins that run, orphans only: children that nobody started became ours when they left their group, or when
 * their plugin ended. */
static void kill_children(bool all)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		if (all || (plugin_find((pid_t)pid) == NULL && plugin_find(getpgid((pid_t)pid)) == NULL))
			kill((pid_t)pid, SIGKILL);
	fclose(f);
}

static void tell(struct plugin *p, int status)
{
	enum plugin_end how = WIFSIGNALED(status) ? PLUGIN_KILLED : PLUGIN_EXITED;
	int code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), error;

	while (p->total <= PLUGIN_OUTPUT_MAX && read_some(p))
		;
	if (read(p->fault, &error, sizeof error) == (ssize_t)sizeof error) {
		how = PLUGIN_UNABLE;
		code = error;
	} else if (p->flooded) {
		how = PLUGIN_FLOODED;
	}
	LIST_REMOVE(p, link);
	p->done(p->ctx, p, how, (uint8_t)code, p->output, p->len);
	plugin_free(p);
}

/* The group is killed before the leader is reaped: until then nobody else can have its number. */
void plugin_reap(void)
{
	siginfo_t info;
	int status;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			break;
		struct plugin *p = plugin_find(info.si_pid);

		if (p != NULL)
			plugin_kill(p);
		if (waitpid(info.si_pid, &status, 0) != info.si_pid)
			break;
		if (p != NULL)
			tell(p, status);
	}
	kill_children(false);
}

/* The children of who dies become ours before it can be waited for: when there are none any more, nothing below them is left. */
void plugin_end_all(void)
{
	struct plugin *p;

	LIST_FOREACH(p, &plugins, link)
		plugin_kill(p);
	do
		kill_children(true);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}
