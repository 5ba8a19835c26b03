/* The supervisor, shared among its files: supervisor.c (loading, signals, the end), children.c (starting children, what they are
 * given, what they say), upgrade.c, takeover.c and trial.c (another program takes our place; we take another's; we are tried). */
#ifndef GEMEL_APP_SUPERVISOR_STATE_H
#define GEMEL_APP_SUPERVISOR_STATE_H
#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>
#include "app/generation.h"
#include "app/logging.h"
#include "app/progress.h"
#include "app/sockets.h"
#include "app/spawn.h"
#include "app/tap_ring.h"
#include "io/chan.h"
#include "ipc/ipc.h"

#define ROLE_COUNT 5
#define LEAVING_MAX 16 /* as many as are handed over */

struct supervisor;
struct child {
	struct supervisor *sup;
	enum ipc_role role;
	pid_t pid; /* 0 = not running */
	struct chan *chan;
	uint64_t started_ms, beat_ms, started_wall_ms;
	uint32_t backoff_ms, restarts;
	uint8_t confined; /* enum confine_by, as it told */
	uint64_t log_dropped; /* lines of the log, as it told; of those before it, too */
	uint64_t log_dropped_before;
	bool killed;      /* for its silence: once, and it is not alive any more */
	bool unwanted;    /* was told to end, be it wanted again by now */
	bool prepared;    /* of one that was told to hold: it could go on; of others, that it runs */
	struct event *restart;
};
struct leaving { /* a child of the version before an upgrade */
	struct supervisor *sup;
	enum ipc_role role;
	pid_t pid;           /* 0 = gone */
	struct chan *chan;
	uint64_t until_ms;   /* killed then; 0 = not asked to leave yet */
	bool left;           /* a responder: it reads no query any more */
	bool same_ipc;       /* we understand what it says beside the words that never change */
};
struct upgrade;
struct takeover;
struct supervisor {
	struct event_base *base;
	const char *file, *node, *program; /* program: the path by which we were started */
	struct spawn_user user;
	struct sockets sockets;
	struct activation given; /* by the service manager; empty once the sockets are open */
	uint8_t secret[32]; /* random, of this start: see children.c */
	uint8_t *started_site; /* the node block that sockets and users were made from; heap */
	size_t started_site_len;
	struct generation now, next; /* next: what a running loader has handed over so far */
	struct generation before;    /* what `now` took the place of, until it has proved itself; plan -1 = none */
	uint64_t crashes;            /* of the responder, young, with `now` */
	struct child child[ROLE_COUNT];
	pid_t loader;
	uint64_t load_wall_ms; /* when the last one began, */
	uint8_t load_confined; /* and what it put itself under */
	struct chan *loader_chan;
	bool saving;     /* the loader handed all over, and writes the snapshot */
	bool unsaved;    /* the last one that handed over did not finish that */
	bool load_again; /* asked for meanwhile */
	struct progress progress;
	uint64_t load_began_ms;
	uint32_t reload_id; /* the coordinator's; 0 = nobody waits */
	uint64_t generations;
	uint64_t unbuilt_text, unbuilt_load; /* of which text, by which load, people were told what is not built yet */
	uint64_t watched_ms, served_ms; /* served: since when this responder answers from `now`; 0 = not yet */
	/* For a new responder: the coordinator's last whole overlay log, and what a new one adds in its first round; -1 = none. */
	int overlay, overlay_adds;
	struct ctl_logging logging, configured; /* in force; as the configuration has it (level 0: not yet) */
	struct log_settings begun;              /* how we were started */
	int rings;                              /* between responder and tap (tap_ring.h); -1 = none yet */
	bool overlay_foreign; /* `overlay` is of the version before: of another generation than ours */
	struct upgrade *upgrade;   /* of us, by another program; NULL = none */
	pid_t trial_ghost;         /* a trial that was given up, not buried yet */
	struct takeover *takeover; /* by us, of the version before; NULL = none, or done */
	struct chan *trial;        /* NULL = we are none: else to who tries us */
	bool hold;                 /* children are to touch nothing that the version before still uses */
	struct leaving leaving[LEAVING_MAX];
	size_t leaving_count;
	bool up, ready, stopping;
	int status;
};

/* children.c */
struct child *children_get(struct supervisor *s, enum ipc_role role);
void children_start(struct child *c);
void children_tell(struct supervisor *s); /* the coordinator, of all of them */
bool children_wants(const struct supervisor *s, enum ipc_role role); /* false for a runner that no check needs, and an idle tap */
void children_follow(struct supervisor *s, enum ipc_role role); /* starts or stops it, as children_wants says */
void children_died(struct child *c, int status); /* after waitpid: back-off, then again */
void children_on_restart(evutil_socket_t fd, short what, void *child);
void children_send(struct child *c, enum ipc_type t); /* a message without payload */
void children_keep_overlay(struct supervisor *s, int fd, bool adds); /* takes fd; -1 = none any more */
void children_send_overlay(struct child *c);
void children_send_hello(struct child *c);
void children_send_generation(struct child *c); /* what its role needs of s->now, then START */
/* Every send to a child ends here: one that cannot take a message is of no use any more. */
void children_check_sent(struct child *c, int e);

/* supervisor.c */
void supervisor_load(struct supervisor *s); /* starts a loader for the next generation */
void supervisor_spread(struct supervisor *s); /* `now` to every child that runs */
void supervisor_answer_reload(struct supervisor *s, int status);
void supervisor_announce_ready(struct supervisor *s);
void supervisor_begin_stop(struct supervisor *s);
void supervisor_tell_restart_keys(struct supervisor *s); /* what of the node block is not in force before a restart */

/* supervisor_logging.c */
void supervisor_configure_logging(struct supervisor *s); /* as `now` says, where that is another than before */
void supervisor_take_logging(struct supervisor *s, struct rbuf *r); /* an operator's, after the head */
void supervisor_send_logging(struct child *c);

#endif
