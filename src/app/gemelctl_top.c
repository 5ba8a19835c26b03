/* `gemelctl top`: asks the server what `status`, `services`, `targets` and `events` say, and draws it until q is pressed.
 *
 *     ask ──▶ top_render ──▶ the terminal ──▶ wait: a second, a key, another size
 *
 * The terminal is given back as it was found, whatever ends us but SIGKILL.
 */
#include "config.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "app/gemelctl.h"
#include "ctl/ctl.h"
#include "ctl/top.h"

#define PAUSE_MS 1000
#define PAUSE_SHARE 20 /* a server that takes long to tell is asked for a twentieth of its time at most */
#define EVENTS_SHOWN "50"
#define ENTER "\033[?1049h\033[?25l" /* a screen of our own, without the cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_BELOW "\033[J"
#define ROWS_OF_A_PIPE 1000
#define COLUMNS_OF_A_PIPE 200

enum word { ASK_STATUS = 0, ASK_SERVICES, ASK_TARGETS, ASK_EVENTS, ASK_COUNT };
struct top {
	const char *path;
	char *text[ASK_COUNT]; /* the newest of each, or NULL */
	char *fault;
	struct termios before;
	bool screen; /* there is a terminal, and it is ours */
	bool json;
};

static volatile sig_atomic_t ended, stopped;

static void on_end(int sig)
{
	ended = sig;
}

static void on_stop(int sig)
{
	stopped = sig;
}

static void on_resize(int sig)
{
	(void)sig; /* it ends the wait */
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what the server says ---- */

static void ask(struct top *t)
{
	static char *const words[ASK_COUNT][3] = { { "status" }, { "services" }, { "targets" }, { "events", "-n", EVENTS_SHOWN } };
	static const int counts[ASK_COUNT] = { 1, 1, 1, 3 };
	free(t->fault);
	t->fault = NULL;
	for (int i = 0; i < ASK_COUNT && !t->fault; i++) {
		char *text = NULL;
		if ((t->json ? ctl_client_ask_json(t->path, counts[i], words[i], &text)
			     : ctl_client_ask(t->path, 0, counts[i], words[i], &text)) == 0) {
			free(t->text[i]);
			t->text[i] = text;
		} else {
			t->fault = text ? text : strdup("out of memory");
		}
	}
	if (t->fault)
		t->fault[strcspn(t->fault, "\n")] = '\0';
}

/* ---- the terminal ---- */

static bool write_all(const void *data, size_t len)
{
	const char *at = data;
	while (len) {
		ssize_t n = write(STDOUT_FILENO, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void screen_enter(struct top *t)
{
	struct termios raw = t->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)!write_all(ENTER, strlen(ENTER));
	t->screen = true;
}

static void screen_leave(struct top *t)
{
	if (!t->screen)
		return;
	(void)!write_all(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
	t->screen = false;
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static bool draw(const struct top *t)
{
	char clock[32];
	struct winsize w = { 0 };
	struct bytes b;
	struct tm tm;
	time_t wall = time(NULL);
	strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&wall, &tm));
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col;
	struct top_view v = { .status = t->text[ASK_STATUS], .clock = clock, .fault = t->fault, .colour = wants_colour(), .terminal = t->screen };
	v.section[TOP_SERVICES] = t->text[ASK_SERVICES];
	v.section[TOP_TARGETS] = t->text[ASK_TARGETS];
	v.section[TOP_EVENTS] = t->text[ASK_EVENTS];
	v.rows = known ? w.ws_row : t->screen ? 24 : ROWS_OF_A_PIPE;
	v.columns = known ? w.ws_col : t->screen ? 80 : COLUMNS_OF_A_PIPE;
	bytes_init(&b, 16u << 20);
	if (t->screen)
		bytes_add(&b, HOME, strlen(HOME));
	top_render(&b, &v);
	bytes_add(&b, t->screen ? CLEAR_BELOW : "\n", t->screen ? strlen(CLEAR_BELOW) : 1);
	bool ok = !b.failed && write_all(b.data, b.len);
	bytes_deinit(&b);
	return ok;
}

/* Signals come only where we wait, so none is missed between a look and the wait. */
static void signals_take(sigset_t *waiting)
{
	static const struct { int sig; void (*handler)(int); } take[] = {
		{ SIGINT, on_end }, { SIGTERM, on_end }, { SIGHUP, on_end }, { SIGTSTP, on_stop }, { SIGWINCH, on_resize },
	};
	sigset_t block;
	sigemptyset(&block);
	for (size_t i = 0; i < sizeof take / sizeof *take; i++) {
		struct sigaction a = { .sa_handler = take[i].handler };
		sigaction(take[i].sig, &a, NULL);
		sigaddset(&block, take[i].sig);
	}
	sigprocmask(SIG_BLOCK, &block, waiting);
	for (size_t i = 0; i < sizeof take / sizeof *take; i++)
		sigdelset(waiting, take[i].sig);
}

/* ---- the turns ---- */

/* false: it is over. *again: somebody wants news now. */
static bool take_keys(bool *again)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return false;
	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q')
			return false;
		*again = *again || keys[i] == ' ';
	}
	return true;
}

/* Until `until_ms`, redrawing what is there when the size changes. false: it is over. */
static bool wait_turn(struct top *t, uint64_t until_ms, const sigset_t *waiting)
{
	bool again = false;
	while (!again && !ended) {
		uint64_t now = now_ms(), left = until_ms > now ? until_ms - now : 0;
		struct timespec ts = { (time_t)(left / 1000), (long)(left % 1000) * 1000000 };
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		int n = ppoll(&p, 1, &ts, waiting);
		if (n == 0)
			return true;
		if (n > 0 && !take_keys(&again))
			return false;
		if (stopped) { /* give the terminal back first, and take it again when we go on */
			stopped = 0;
			screen_leave(t);
			raise(SIGSTOP);
			screen_enter(t);
		}
		if (n < 0 && !ended && !draw(t))
			return false;
	}
	return !ended;
}

static int run_screen(struct top *t)
{
	sigset_t waiting;
	bool on = true;
	signals_take(&waiting);
	screen_enter(t);
	while (on) {
		uint64_t began = now_ms();
		ask(t);
		uint64_t took = now_ms() - began;
		on = draw(t) && wait_turn(t, now_ms() + (took * PAUSE_SHARE > PAUSE_MS ? took * PAUSE_SHARE : PAUSE_MS), &waiting);
	}
	screen_leave(t);
	return 0;
}

/* {"status":{…},"services":[…],"targets":[…],"events":[…]}: the documents of those verbs, the last three without their braces. */
static bool print_json(const struct top *t)
{
	printf("{\"status\":%.*s", (int)strcspn(t->text[ASK_STATUS], "\n"), t->text[ASK_STATUS]);
	for (int i = ASK_STATUS + 1; i < ASK_COUNT; i++) {
		size_t len = strlen(t->text[i]);
		while (len && t->text[i][len - 1] != '}')
			len--;
		printf(",%.*s", len > 2 ? (int)(len - 2) : 0, t->text[i] + 1);
	}
	return puts("}") >= 0 && fflush(stdout) == 0;
}

int gemelctl_top(const char *socket_path, bool json)
{
	struct top t = { .path = socket_path, .json = json };
	int status;
	if (!json && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &t.before) == 0) {
		status = run_screen(&t);
	} else {
		ask(&t);
		if (t.fault)
			fprintf(stderr, "%s\n", t.fault);
		status = t.fault || !(json ? print_json(&t) : draw(&t)) ? 1 : 0;
	}
	for (int i = 0; i < ASK_COUNT; i++)
		free(t.text[i]);
	free(t.fault);
	return status;
}
