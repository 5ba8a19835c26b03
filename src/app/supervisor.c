#include "app/supervisor.h"
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/child.h"
#include "app/confine.h"
#include "app/notify.h"
#include "app/site.h"
#include "app/supervisor_state.h"
#include "app/takeover.h"
#include "app/upgrade.h"
#include "base/diag.h"
#include "io/clock.h"
#include "io/log.h"

#define SILENT_MS (10 * CHILD_BEAT_MS) /* a child without a beat for so long hangs: it is killed, and comes back */
#define WATCH_LATE_MS 3000             /* we look once a second */
#define STOP_MS 5000                   /* time the children get to end in good order */
#define TRUST_MS 60000                 /* a generation that was served for so long has proved itself */
#define FILES_MAX 65536
#define SITE_MEMORY (1u << 20) /* octets a node block may take, decoded */

void supervisor_announce_ready(struct supervisor *s)
{
	if (s->ready)
		return;
	s->ready = true;
	log_line(LOG_LEVEL_NOTICE, "ready");
	notify_ready(s->now.number);
}

void supervisor_answer_reload(struct supervisor *s, int status)
{
	struct child *c = children_get(s, IPC_COORDINATOR);
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_RELOADED);
	put_u32(&w, s->reload_id);
	put_u8(&w, (uint8_t)status);
	put_u32(&w, (uint32_t)(clock_mono_ms() - s->load_began_ms));
	if (c->chan && (s->reload_id || !s->stopping))
		children_check_sent(c, chan_send_buf(c->chan, &w));
	s->reload_id = 0;
}

/* ---- loading ---- */

static void end_loader(struct supervisor *s)
{
	progress_end(&s->progress);
	chan_free(s->loader_chan);
	s->loader_chan = NULL;
	if (s->loader)
		kill(s->loader, SIGKILL); /* it said all it had to say */
	s->loader = 0;
	s->saving = false;
	generation_deinit(&s->next);
}

static bool come_up(struct supervisor *s)
{
	struct arena a;
	struct site site;
	arena_init(&a, SITE_MEMORY);
	supervisor_configure_logging(s); /* before anything is told, and the children: they begin with it */
	bool ok = site_get(&site, s->now.site, s->now.site_len, &a) == 0 && spawn_user_find(&s->user, site.node.user) == 0 &&
		  sockets_open(&s->sockets, &site.node, s->user.uid, s->user.gid, &s->given) == 0;
	arena_deinit(&a);
	if (!ok)
		return false;
	activation_tell_unused(&s->given);
	activation_deinit(&s->given);
	s->up = true;
	s->started_site = malloc(s->now.site_len);
	s->started_site_len = s->started_site ? s->now.site_len : 0;
	if (s->started_site)
		memcpy(s->started_site, s->now.site, s->now.site_len);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role))
			children_start(&s->child[i]);
	return true;
}

/* The prober first: the coordinator's probes of the new generation must find it there. */
void supervisor_spread(struct supervisor *s)
{
	static const enum ipc_role order[] = { IPC_PROBER, IPC_RESPONDER, IPC_COORDINATOR };
	children_follow(s, IPC_RUNNER);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		struct child *c = children_get(s, order[i]);
		if (c->chan)
			children_send_generation(c);
	}
}

/* What is not built yet is told again when the configuration's text is another, not at each reload. */
static bool was_told(struct supervisor *s, uint64_t text)
{
	if (text && text == s->unbuilt_text && s->unbuilt_load != s->generations)
		return true;
	s->unbuilt_text = text;
	s->unbuilt_load = s->generations;
	return false;
}

/* A fault the loader found: to people at the start, to the log and to whoever asked for the reload. */
static void pass_on_diag(struct supervisor *s, struct rbuf *r, const uint8_t *data, size_t len)
{
	char line[4096];
	uint8_t level = get_u8(r);
	get_str(r, line, sizeof line);
	uint64_t text = get_u64(r);
	if (r->failed || (level == DIAG_UNBUILT && was_told(s, text)))
		return;
	progress_end(&s->progress);
	if (s->trial)
		takeover_trial_say(s, level, line);
	if (!s->up && !s->trial)
		fprintf(stderr, "%s\n", line);
	else
		log_line(level == DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", line);
	struct child *c = children_get(s, IPC_COORDINATOR);
	if (s->reload_id && c->chan)
		children_check_sent(c, chan_send(c->chan, data, len, NULL, 0));
}

/* Sockets, users and folders are made once: what of them changed is told, since the file says otherwise from now on. */
void supervisor_tell_restart_keys(struct supervisor *s)
{
	struct arena a;
	struct site old, new;
	char keys[128], line[256];
	arena_init(&a, 2 * SITE_MEMORY);
	if (site_get(&old, s->started_site, s->started_site_len, &a) == 0 && site_get(&new, s->now.site, s->now.site_len, &a) == 0 &&
	    *site_restart_keys(&old, &new, keys, sizeof keys)) {
		uint8_t room[512];
		struct wbuf w;
		struct rbuf r;
		snprintf(line, sizeof line, "warning: %s of this node changed; that takes effect at the next restart", keys);
		wbuf_init(&w, room, sizeof room);
		ipc_begin(&w, IPC_DIAG);
		put_u8(&w, DIAG_WARNING);
		put_str(&w, line);
		put_u64(&w, 0);
		rbuf_init(&r, w.data, w.len);
		if (ipc_type_get(&r) == IPC_DIAG)
			pass_on_diag(s, &r, w.data, w.len);
	}
	arena_deinit(&a);
}

static void loaded(struct supervisor *s, int status)
{
	bool take = status < 2 && generation_is_whole(&s->next);
	if (take) {
		generation_deinit(&s->before);
		s->before = s->now;
		s->now = s->next;
		s->served_ms = s->crashes = 0;
		generation_init(&s->next, 0);
		s->saving = s->unsaved = true; /* until it says otherwise */
		progress_end(&s->progress);
	} else {
		end_loader(s);
	}
	if (s->trial) {
		takeover_trial_loaded(s, take);
		return;
	}
	if (!s->up) {
		if (!take || !come_up(s)) {
			s->status = 1;
			event_base_loopbreak(s->base);
		}
		return;
	}
	if (take) {
		supervisor_configure_logging(s);
		supervisor_spread(s);
		supervisor_tell_restart_keys(s);
		log_line(LOG_LEVEL_NOTICE, "generation %" PRIu64 " is loaded%s", s->now.number,
			 status ? "; some zones keep their old version" : "");
	} else {
		log_line(LOG_LEVEL_ERROR, "the new configuration is refused; generation %" PRIu64 " stays", s->now.number);
	}
	if (s->ready)
		notify_ready(s->now.number);
	supervisor_answer_reload(s, take ? status : 2);
}

static void pass_on_progress(struct supervisor *s, struct rbuf *r, const uint8_t *data, size_t len)
{
	uint32_t zones = get_u32(r), all = get_u32(r);
	uint64_t records = get_u64(r);
	struct child *c = children_get(s, IPC_COORDINATOR);
	if (r->failed)
		return;
	if (s->trial)
		takeover_trial_alive(s);
	else
		progress_tell(&s->progress, zones, all, records, clock_mono_ms());
	if (s->reload_id && c->chan)
		children_check_sent(c, chan_send(c->chan, data, len, NULL, 0));
}

/* The snapshot is written, or the loader that wrote it is gone. */
static void saved(struct supervisor *s)
{
	bool again = s->load_again && !s->stopping;
	s->load_again = false;
	chan_free(s->loader_chan);
	s->loader_chan = NULL;
	s->saving = false;
	if (s->trial)
		takeover_trial_check(s);
	else if (again)
		supervisor_load(s);
}

static void loader_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct supervisor *s = ctx;
	struct rbuf r;
	rbuf_init(&r, data, len);
	enum ipc_type t = ipc_type_get(&r);
	if (t == IPC_DIAG || t == IPC_DONE || t == IPC_PROGRESS || t == IPC_CONFINED || s->saving)
		chan_close_fds(fds, fd_count);
	if (t == IPC_DIAG) {
		pass_on_diag(s, &r, data, len);
	} else if (t == IPC_PROGRESS) {
		pass_on_progress(s, &r, data, len);
	} else if (t == IPC_CONFINED) {
		s->load_confined = get_u8(&r);
		children_tell(s);
	} else if (s->saving) {
		if (t == IPC_SAVED)
			s->unsaved = false;
	} else if (t == IPC_DONE) {
		int status = get_u8(&r);
		loaded(s, r.failed ? 2 : status);
	} else if (generation_take(&s->next, data, len, fds, fd_count)) {
		log_line(LOG_LEVEL_ERROR, "the loader sent something unreadable");
		loaded(s, 2);
	}
}

static void loader_end(void *ctx)
{
	struct supervisor *s = ctx;
	if (s->saving) {
		saved(s);
		return;
	}
	log_line(LOG_LEVEL_ERROR, "the loader died before it was done");
	loaded(s, 2);
}

void supervisor_load(struct supervisor *s)
{
	if (s->upgrade || s->takeover) { /* it reads the configuration, perhaps before it was changed */
		supervisor_answer_reload(s, 2);
		s->load_again = true;
		return;
	}
	if (s->saving) { /* a second writer would be in its way */
		s->load_again = true;
		return;
	}
	if (s->loader_chan)
		end_loader(s);
	s->load_began_ms = clock_mono_ms();
	if (s->ready)
		notify_reloading(clock_mono_us());
	char number[24];
	snprintf(number, sizeof number, "%" PRIu64, ++s->generations);
	const char *args[] = { "-c", s->file, "-g", number, s->node ? "-n" : NULL, s->node, NULL };
	struct spawn_user stay = { -1, -1 }; /* zones and keys may be readable by us alone */
	int channel;
	pid_t pid = spawn_child(IPC_LOADER, args, &stay, &channel);
	generation_init(&s->next, s->generations);
	if (pid < 0 || !(s->loader_chan = chan_new(s->base, channel, loader_message, loader_end, s))) {
		loaded(s, 2);
		return;
	}
	s->loader = pid;
	s->load_wall_ms = clock_wall_ms();
	s->load_confined = 0;
	struct child hello = { .sup = s, .role = IPC_LOADER, .chan = s->loader_chan };
	children_send_hello(&hello);
	int e = s->now.plan >= 0 ? generation_send_images(&s->now, s->loader_chan) : 0;
	if (s->unsaved)
		children_send(&hello, IPC_UNSAVED);
	if (!e)
		e = generation_send_start(&s->next, s->loader_chan);
	if (e)
		loaded(s, 2);
}

/* ---- signals and time ---- */

static void on_child_signal(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	struct supervisor *s = ctx;
	pid_t pid;
	int status;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (upgrade_child_ended(s, pid, status) || takeover_left(s, pid))
			continue;
		if (pid == s->loader)
			s->loader = 0; /* its number may be another process's soon; what it sent is still in the channel */
		for (size_t i = 0; i < ROLE_COUNT; i++)
			if (s->child[i].pid == pid)
				children_died(&s->child[i], status);
	}
	if (!s->stopping)
		return;
	bool any = s->loader != 0;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		any |= s->child[i].pid != 0;
	if (!any)
		event_base_loopbreak(s->base);
}

static void on_stop_timeout(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct supervisor *s = ctx;
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->child[i].pid) {
			log_line(LOG_LEVEL_WARNING, "the %s did not stop in time: killed", ipc_role_text(s->child[i].role));
			kill(s->child[i].pid, SIGKILL);
		}
	if (s->loader)
		kill(s->loader, SIGKILL);
}

void supervisor_begin_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	log_line(LOG_LEVEL_NOTICE, "stopping");
	notify_stopping();
	upgrade_cancel(s);
	takeover_kill_leaving(s);
	if (!s->saving)
		end_loader(s);
	bool any = s->loader != 0;
	supervisor_answer_reload(s, 2);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		event_del(s->child[i].restart);
		children_send(&s->child[i], IPC_STOP);
		any |= s->child[i].pid != 0;
	}
	struct timeval wait = { .tv_sec = STOP_MS / 1000 };
	if (!any)
		event_base_loopbreak(s->base);
	else
		event_base_once(s->base, -1, EV_TIMEOUT, on_stop_timeout, s, &wait);
}

static void on_stop_signal(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	supervisor_begin_stop(ctx);
}

static void on_upgrade_signal(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	upgrade_begin(ctx, 0, false, -1);
}

static void on_reload_signal(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	struct supervisor *s = ctx;
	if (s->up && !s->stopping)
		supervisor_load(s);
}

/* One that was served for so long is not what a later death is about. */
static void trust_generation(struct supervisor *s)
{
	if (s->before.plan >= 0 && s->served_ms && clock_mono_ms() - s->served_ms >= TRUST_MS)
		generation_deinit(&s->before);
}

/* Before the first generation there is no responder to vouch for; a witness has one, too. One that goes on dying is not alive. */
static void tell_alive(struct supervisor *s, uint64_t now)
{
	const struct child *r = children_get(s, IPC_RESPONDER);
	if (!s->ready || (r->pid && !r->killed && now - r->beat_ms < WATCH_LATE_MS))
		notify_alive(now);
}

static void on_watch(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct supervisor *s = ctx;
	uint64_t now = clock_mono_ms(), late = now - s->watched_ms;
	s->watched_ms = now;
	trust_generation(s);
	takeover_watch(s);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		struct child *c = &s->child[i];
		if (late > WATCH_LATE_MS)
			c->beat_ms = now; /* we stood still ourselves (a paused machine): no judgement, beats come again */
		if (!c->pid || c->killed || now - c->beat_ms < SILENT_MS)
			continue;
		log_line(LOG_LEVEL_ERROR, "the %s has been silent for %u s: killed", ipc_role_text(c->role), SILENT_MS / 1000);
		kill(c->pid, SIGKILL);
		c->killed = true;
	}
	tell_alive(s, now);
}

static struct event *watch(struct supervisor *s, int sig, event_callback_fn fn)
{
	struct event *e = evsignal_new(s->base, sig, fn, s);
	if (!e || event_add(e, NULL)) {
		log_line(LOG_LEVEL_ERROR, "cannot watch signals: %s", err_text(ERR_NOMEM));
		exit(1);
	}
	return e;
}

static void allow_files(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur >= FILES_MAX)
		return;
	lim.rlim_cur = lim.rlim_max < FILES_MAX ? lim.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static void init(struct supervisor *s, const struct supervisor_start *start)
{
	static const enum ipc_role roles[ROLE_COUNT] = { IPC_COORDINATOR, IPC_PROBER, IPC_RESPONDER, IPC_RUNNER, IPC_TAP };
	*s = (struct supervisor){ .file = start->file, .node = start->node, .program = start->program, .overlay = -1, .overlay_adds = -1, .rings = -1,
				  .sockets.lock_fd = -1 };
	generation_init(&s->now, 0);
	generation_init(&s->next, 0);
	generation_init(&s->before, 0);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		s->child[i] = (struct child){ .sup = s, .role = roles[i] };
	s->watched_ms = clock_mono_ms();
	progress_init(&s->progress);
}

/* Who we take over from left all signals waiting. */
static void take_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void begin(struct supervisor *s, const struct supervisor_start *start)
{
	if (start->trial >= 0)
		takeover_trial(s, start->take_over, start->trial);
	else if (start->take_over >= 0)
		takeover_begin(s, start->take_over);
	if (start->trial >= 0 || start->take_over < 0)
		supervisor_load(s);
	take_signals();
	on_child_signal(0, 0, s); /* who died before we could be told */
}

static void deinit(struct supervisor *s)
{
	end_loader(s);
	sockets_close(&s->sockets);
	activation_deinit(&s->given);
	generation_deinit(&s->now);
	free(s->started_site);
	generation_deinit(&s->before);
	children_keep_overlay(s, -1, false);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		chan_free(s->child[i].chan);
		event_free(s->child[i].restart);
	}
	for (size_t i = 0; i < s->leaving_count; i++)
		chan_free(s->leaving[i].chan);
}

int supervisor_main(const struct supervisor_start *start)
{
	struct supervisor s;
	log_init(start->trial >= 0 ? "trial" : "supervisor", &(struct log_settings){ LOG_LEVEL_INFO, LOG_TEXT });
	init(&s, start);
	if (start->take_over < 0 && activation_init(&s.given))
		return 1;
	allow_files();
	notify_init();
	confine_supervisor();
	signal(SIGPIPE, SIG_IGN);
	s.base = event_base_new();
	if (!s.base || getrandom(s.secret, sizeof s.secret, 0) != (ssize_t)sizeof s.secret)
		return 1;
	struct event *watched[] = { watch(&s, SIGCHLD, on_child_signal), watch(&s, SIGTERM, on_stop_signal),
				    watch(&s, SIGINT, on_stop_signal), watch(&s, SIGHUP, on_reload_signal),
				    watch(&s, SIGUSR2, on_upgrade_signal) };
	struct event *tick = event_new(s.base, -1, EV_PERSIST, on_watch, &s);
	struct timeval second = { .tv_sec = 1 };
	event_add(tick, &second);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		s.child[i].restart = evtimer_new(s.base, children_on_restart, &s.child[i]);
	begin(&s, start);
	event_base_dispatch(s.base);
	deinit(&s);
	for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
		event_free(watched[i]);
	event_free(tick);
	event_base_free(s.base);
	return s.status;
}
