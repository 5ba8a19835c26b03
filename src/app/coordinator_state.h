/* The coordinator process, shared among its files: one thread, one deterministic state machine (core/).  They feed it events and
 * carry out its effects; they decide nothing themselves.
 *
 *     coordinator.c        its life: what the supervisor hands over, start, new generations, end
 *     coordinator_step.c   one event in, its effects carried out: journal, publish, send, probe, reply, notice
 *     coordinator_journal.c  what it remembers, and what happens where it cannot
 *     coordinator_hook.c   the program of on_event
 *     coordinator_http.c   the status page's server
 *     coordinator_streams.c  connections with the twin
 *     coordinator_whatif.c  what another configuration would answer, in a copy of the process
 *     coordinator_upgrade.c  leaving for a coordinator of another version, and following one
 *     coordinator_uplink.c  whether this machine has a way to anybody
 *     coordinator_links.c  what comes from the responder, the prober, the twin and the operators
 */
#ifndef GEMEL_APP_COORDINATOR_STATE_H
#define EPOCH_RETRY_MS 10000
#define GEMEL_APP_COORDINATOR_STATE_H
#include <event2/event.h>
#include <sys/types.h>
#include "app/hook.h"
#include "app/legacy.h"
#include "app/progress.h"
#include "app/publisher.h"
#include "core/core.h"
#include "ctl/ctl.h"
#include "ctl/http.h"
#include "io/chan.h"
#include "io/journal.h"
#include "io/uplink.h"
#include "ipc/ipc.h"

#define REPLIES_MAX 64    /* commands that wait for the workers */
#define COMMANDS_MAX 64   /* commands that wait for the disk */
#define CHILDREN_MAX 8
#define LEFT_MAX 8        /* responders that still end their connections after upgrades; one does so for ten seconds */
#define WHAT_IF_MAX 2     /* at once: each is a copy of us, of which it writes to a part */

struct reply { /* in force in the core; the operator is told when every worker answers from it */
	uint32_t id; /* 0 = free */
	uint64_t seq, deadline_ms;
	bool refused;
	char text[CORE_TEXT_MAX];
};

struct zone_sum { /* questions for a zone, of responders but the present one */
	char *name;
	uint64_t ended, left[LEFT_MAX];
};
struct figures { /* of responders, beside their counters */
	struct latency latency; /* what people see: the sum of: */
	struct latency present, ended, left[LEFT_MAX];
	struct ctl_zones zones, coming; /* zones: their queries are those of all; coming: its list is not whole yet */
	bool zones_bad, zones_told;
	struct zone_sum *sums; /* kept for the names that are served, and a few that were */
	size_t sum_count, sum_at;
	uint64_t digest_told; /* of the zones that the core was told of, and how many; 0 = of none yet */
	size_t count_told;
};

struct coordinator {
	struct event_base *base;
	struct chan *supervisor, *responder, *prober, *runner;
	struct questions { struct coordinator *c; struct chan *chan; } questions[LEFT_MAX]; /* of responders that leave; NULL = none */
	struct plan *plan, *next_plan; /* next: decoded, waits for its START */
	struct core *core;
	struct publisher publisher;
	struct journal *journal;
	struct ctl_server *ctl;
	struct ctl_http *http; /* NULL = none */
	int state_fd, control_fd, http_fd;
	struct ctl_reloads reloads;
	struct listen_peer { int fd; struct addr addr; } peers[PLAN_PEER_ADDRS_MAX], doors[PLAN_PEER_ADDRS_MAX];
	size_t peer_count, door_count; /* doors: for connections of twins */
	bool hold;         /* the one before still has journal and sockets */
	bool continues;    /* it left to us */
	uint64_t leave_ms; /* we leave, then at the latest; 0 = we stay */
	struct streams *streams; /* NULL without a twin */
	struct event *timer, *reply_timer;
	struct reply replies[REPLIES_MAX];
	uint8_t probes[IPC_MESSAGE_MAX];
	struct wbuf probe_w;
	uint16_t probe_count;
	struct ctl_child children[CHILDREN_MAX];
	size_t child_count;
	struct ctl_counters counters;       /* what people see: the sum of: */
	struct ctl_counters present, ended; /* of the responder there is, as it told; of those before it */
	struct { uint32_t pid; struct ctl_counters counters; } left[LEFT_MAX]; /* not ended yet: as last heard; pid 0 = none */
	struct ctl_totals inherited;        /* of coordinators before an upgrade */
	struct figures figures;
	struct hook hook;
	struct ctl_hook hook_view;
	struct chan *tap;
	struct ctl_logging logging;
	struct ctl_tap tapped, tapped_before; /* before: of taps that have ended; in tapped, too */
	struct { uint32_t pid; struct ctl_tap tap; } tap_left[LEFT_MAX]; /* what is in before of those that still leave; pid 0 = none */
	uint64_t log_dropped, log_dropped_before;
	uint64_t cpu_before_ms[IPC_TAP + 1]; /* by role: of processes before an upgrade */
	struct progress progress; /* of the first round */
	uint32_t round_all;       /* targets in it */
	uint64_t counters_ms, started_wall_ms;
	uint32_t commands[COMMANDS_MAX]; /* given to the core, not answered; 0 = free */
	bool last_words;                 /* the journal failed: only refusals leave us before we start anew */
	uint64_t reload_seq, reload_deadline_ms;
	uint32_t reload_asked; /* for the faults that the loader tells meanwhile */
	uint32_t reload_id; /* answered when the new generation is in force */
	int reload_status;
	uint64_t new_epoch; /* asked for by the core, not yet on disk */
	pid_t what_if[WHAT_IF_MAX];  /* processes that answer one; 0 = none */
	struct uplink uplink;            /* -1 = the kernel tells nothing */
	struct event *uplink_timer;
	bool cut_off_told; /* and nothing has shown since that it is over */
	uint64_t uplink_next_ms;
	bool refused;                    /* in this step: a heartbeat found no route */
	int oom_fd;                  /* /proc/self/oom_score_adj, opened while it could be; -1 = none */
	uint64_t epoch_retry_ms; /* not tried again before; then by the first step, of which probes bring many */
};


/* coordinator_step.c */
/* ERR_NOMEM: the event is lost. */
int coordinator_step(struct coordinator *c, const struct core_event *e);
/* The socket of ours from which this address of a peer is reached, or NULL. */
const struct listen_peer *coordinator_way(const struct coordinator *c, const struct addr *to);
void coordinator_publish_all(struct coordinator *c); /* for a new responder, log or generation */
/* Tells operators whose command every worker answers from now. */
void coordinator_answer_replies(struct coordinator *c);
uint64_t coordinator_random(void);
void coordinator_on_timer(evutil_socket_t fd, short what, void *ctx);
void coordinator_on_reply_timer(evutil_socket_t fd, short what, void *ctx);

/* coordinator_journal.c */
void coordinator_open_journal(struct coordinator *c); /* exits where it cannot; its records wait for: */
void coordinator_recover(struct coordinator *c);
void coordinator_compact(struct coordinator *c);
/* False where the command could not be remembered: it is refused then, and is not for the core. */
bool coordinator_accept(struct coordinator *c, const struct core_command *cmd);
void coordinator_refuse(struct coordinator *c, uint32_t id, const char *text);
void coordinator_forget(struct coordinator *c, uint32_t id); /* it is answered */

/* coordinator_hook.c */
void coordinator_take_runner(struct coordinator *c, int fd);
void coordinator_hook_plan(struct coordinator *c); /* the present plan's */
void coordinator_hook_notice(struct coordinator *c, const struct core_notice *n);
void coordinator_hook_second(struct coordinator *c);
const struct ctl_hook *coordinator_hook_get(struct coordinator *c); /* NULL = there is none */
/* coordinator_upgrade.c */
void coordinator_sum_counters(struct coordinator *c);
void coordinator_end_counters(struct coordinator *c);
void coordinator_take_inherited(struct coordinator *c, struct rbuf *m);
void coordinator_leave(struct coordinator *c);
void coordinator_ask_upgrade(void *ctx, uint32_t id, bool json, int client); /* of ctl_actions */
void coordinator_upgraded(struct coordinator *c, struct rbuf *m, int client); /* takes client; -1 = none */
/* coordinator.c */
_Noreturn void coordinator_finish(struct coordinator *c);
/* coordinator_http.c */
void coordinator_http_begin(struct coordinator *c);
uint64_t coordinator_cpu_ms(const struct coordinator *c, enum ipc_role role); /* of all processes of that role, before an upgrade too */
/* Whoever gave that command is told. */
void coordinator_command_done(struct coordinator *c, uint32_t id, bool refused, const char *text);

/* coordinator_figures.c */
void figures_take_latency(struct figures *f, struct rbuf *m);
void coordinator_tell_zones(struct coordinator *c); /* the core, if they are others than before */
bool figures_take_zones(struct figures *f, struct rbuf *m); /* true: a list is whole, and in force */
void figures_end(struct figures *f); /* the responder is another from here on */
/* What they are is told to who comes next; pid: of the present responder, pids: of those that leave, 0 = none. */
void figures_tell(struct figures *f, struct legacy_writer *l, uint32_t pid, const uint32_t pids[LEFT_MAX]);
/* Values behind the pid. left: a place of those that leave; -1 = of those that have ended. */
void figures_inherit_latency(struct figures *f, int left, const uint64_t *v, size_t count);
void figures_inherit_zone(struct figures *f, int left, const uint64_t *v, size_t count);
void figures_left(struct figures *f, size_t left); /* it has ended */

/* coordinator_streams.c */
void coordinator_listen(struct coordinator *c, int fd, const struct addr *at);
/* What was written last goes out now, or never. */
void coordinator_flush_streams(struct coordinator *c);
void coordinator_connection(struct coordinator *c, const struct core_effect *e);

/* coordinator_whatif.c */
const char *coordinator_what_if(void *ctx, const struct ctl_what_if *ask); /* of ctl_actions */
void coordinator_what_if_begin(struct coordinator *c);                     /* before the coordinator is confined */
void coordinator_what_if_second(struct coordinator *c);                    /* buries who answered */

/* coordinator_uplink.c */
void coordinator_uplink_begin(struct coordinator *c); /* before the coordinator is confined */
void coordinator_uplink_doubt(struct coordinator *c); /* something hints that this machine is cut off; cheap where it is not */

/* coordinator_links.c */
bool coordinator_read_counters(struct rbuf *m, struct ctl_counters *n); /* the payload of IPC_STATS; false: nonsense */
void coordinator_take_channel(struct coordinator *c, enum ipc_role role, int fd);
void coordinator_take_questions(struct coordinator *c, int fd); /* of one that leaves; they wait until there is a core */
void coordinator_read_questions(struct coordinator *c);         /* there is */
void coordinator_tell_prober_state(struct coordinator *c, bool up);
void coordinator_on_packet(evutil_socket_t fd, short what, void *ctx);
void coordinator_get_host(void *ctx, struct ctl_host *h);
/* Tells who asked for a reload, once the responder answers from it, or its time is over (at_once: now). */
void coordinator_finish_reload(struct coordinator *c, bool at_once);
extern const struct ctl_actions coordinator_actions; /* ctx unset */

#endif
