/* The messages between the processes: one SOCK_SEQPACKET message each, at most IPC_MESSAGE_MAX octets, file descriptors beside it.
 *
 *     type u16 | zero u16 | payload (base/buf.h forms)
 *
 *     supervisor → child        HELLO, SECRET, SOCKET…, IMAGE…, ZONES, PLAN, OVERLAY, CHANNEL, START   (then changes as they come)
 *     loader → supervisor       PROGRESS…, DIAG…, SITE, IMAGE…, ZONES, PLAN, DONE, then DIAG, SAVED
 *     coordinator → responder   BEGIN, SET…, COMMIT      responder → coordinator  ACK, COLD, STATS
 *     coordinator → responder   COLD_REPLY
 *     coordinator → prober      PROBE…                   prober → coordinator     RESULT…, PROBER_LOG
 *     coordinator → prober      PROBE_ONCE               prober → coordinator     PROBE_STEP…, PROBE_DONE
 *     prober → runner           RUN, RUN_END             runner → prober          RUN_BEGAN, RAN
 *     coordinator → runner      HOOK                     runner → coordinator     HOOK_DONE
 *     coordinator → supervisor  RELOAD, STOP, OVERLAY    supervisor → coordinator PROGRESS…, DIAG…, RELOADED, CHILDREN
 *     coordinator → supervisor  UPGRADE                  supervisor → coordinator UPGRADED, INHERITED
 *     supervisor → child        HOLD, GO; LEAVE          child → supervisor       PREPARED; LEGACY
 */
#ifndef GEMEL_IPC_IPC_H
#define GEMEL_IPC_IPC_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/buf.h"

#define IPC_VERSION 3
#define IPC_MESSAGE_MAX 65536
#define IPC_FDS_MAX 64

enum ipc_role { IPC_ROLE_NONE = 0, IPC_SUPERVISOR, IPC_RESPONDER, IPC_COORDINATOR, IPC_PROBER, IPC_LOADER, IPC_RUNNER, IPC_TAP };
const char *ipc_role_text(enum ipc_role r);

enum ipc_type {
	IPC_NONE = 0,
	/* from the supervisor */
	IPC_HELLO,     /* version u16, role u8 */
	IPC_SOCKET,    /* kind u8, addr, wildcard u8, index u16; fds: the sockets (S of them for UDP) */
	IPC_IMAGE,     /* index u16, generation u64; fd: sealed memfd */
	IPC_ZONES,     /* generation u64; fd: memfd of struct answer_zone_ref[], the zones to serve */
	IPC_PLAN,      /* generation u64; fd: memfd with plan_encode's bytes */
	IPC_OVERLAY,   /* adds u8; fds: memfds with overlay logs, in the order of replay (adds: to those told before) */
	IPC_CHANNEL,   /* role u8 of the other end; fd */
	IPC_START,     /* generation u64: all is handed over, begin (or: switch to this generation) */
	IPC_STOP,      /* end in good order */
	/* the overlay */
	IPC_BEGIN,     /* generation u64, seq u64, how u8 (enum ipc_begin_how) */
	IPC_SET,       /* see ipc_set */
	IPC_WITHDRAW,  /* class u16, type u16, owner block */
	IPC_COMMIT,    /* generation u64, seq u64 */
	IPC_ACK,       /* generation u64, seq u64: every worker answers from it */
	/* cold path */
	IPC_COLD,      /* id u64, transport u8, from addr, query block, cookie block (empty: none) */
	IPC_COLD_REPLY,/* id u64, answer block */
	/* probes */
	IPC_PROBE,     /* generation u64, count u16, count × (stream u32, run u32, time-out in ms u32) */
	IPC_RESULT,    /* generation u64, count u16, count × (stream u32, run u32, health_result) */
	IPC_LOG,       /* level u8, text str */
	/* loader and reload */
	IPC_SITE,      /* plan_node_put, limits, what cookies come from: see app/site.h */
	IPC_SECRET,    /* 32 random octets of the supervisor's start */
	IPC_DIAG,      /* level u8, line str, digest u64 of the configuration's text (0 = not known) */
	IPC_DONE,      /* status u8: 0 taken whole, 1 taken but some zones kept their old version, 2 refused */
	IPC_SAVED,     /* nothing: what was handed over is on disk too, as far as it has to be */
	IPC_UNSAVED,   /* nothing; to a loader: the one before did not come so far */
	IPC_PROGRESS,  /* zones loaded u32, of so many u32, records read u64 */
	IPC_RELOAD,    /* id u32 */
	IPC_RELOADED,  /* id u32 (0 = by signal), status u8, how long it took ms u32 */
	IPC_CHILDREN,  /* count u8, count × (role u8, pid u32, restarts u32, since wall ms u64, confined u8), lines of the
		       * log that were dropped u64 */
	IPC_CONFINED,  /* bits u8 (app/confine.h): what the child put itself under */
	IPC_STATS,     /* counters: see app */
	IPC_SERVING,   /* generation u64: sockets are being read */
	IPC_BEAT,      /* lines of the log that were dropped u64: alive */
	/* plugins */
	IPC_PLUGINS,   /* nothing, from the loader: a configured check runs plugins, or there is a hook: a runner is wanted */
	IPC_RUN,       /* id u64, argv block, env block: strings, each with its NUL */
	IPC_RUN_END,   /* id u64: nobody waits for it any more, kill it */
	IPC_RUN_BEGAN, /* id u64: its turn has come */
	IPC_RAN,       /* id u64, how u8 (enum plugin_end), code u8, output block */
	/* probes that an operator watches; they count for nothing */
	IPC_PROBE_ONCE,/* id u32, generation u64, stream u32, steps u8 (0 = none wanted) */
	IPC_PROBE_STEP,/* id u32, µs since its begin u32, text str */
	IPC_PROBE_DONE,/* id u32, health_result */
	/* the hook of on_event */
	IPC_HOOK,      /* id u32, timeout ms u32, argv block, event block: what its standard input holds */
	IPC_HOOK_DONE, /* id u32, how u8 (enum plugin_end), code u8, late u8 (killed at its time-out), first line of output str */
	/* more of the responder's counters, once a second */
	IPC_LATENCY,   /* buckets u8, buckets × count u64, sum ns u64 (base/latency.h) */
	IPC_ZONE_COUNTS, /* more u8 (1 = the list goes on in the next), count u16, count × (apex block, queries u64,
	                    serial u32, records u32, flags u8, content u64); queries: all ones where they are not counted */
	/* the log, and what is told of queries */
	IPC_LOGGING,   /* see app/logging.h; fd, to responder and tap: the rings between them, if there are any */
	IPC_TAPPED,    /* from the tap to the coordinator, once a second: lines of the query log u64, records lost on the way to it u64,
			* dnstap frames sent u64, dropped u64, connected u8 */
	/* an upgrade, within one version */
	IPC_UPGRADE,   /* id u32, json u8; fd: the connection of who asks */
	IPC_UPGRADED,  /* id u32 (0 = by signal, or asked of the one before), done u8, from str, why not str, took ms u32 */
	IPC_HOLD,      /* nothing, before START: be ready, but touch nothing that the one before still uses */
	IPC_PREPARED,  /* step u8: 1 ready and holding, 2 gone on after GO */
	IPC_GO,        /* nothing */
	IPC_INHERITED, /* role u8, pid u32, octets block: the last words (LEGACY) of a child of the version before; one of each LEGACY */
	IPC_QUESTIONS, /* fd: to a responder that is about to leave: its COLD come over it, and have their COLD_REPLY */
	IPC_TYPE_MAX,
	/* Spoken between two versions, so numbers and payloads never change. */
	IPC_STABLE_FIRST = 0xfff0,
	IPC_LEAVE = IPC_STABLE_FIRST, /* to a child: another takes your place; finish what you began, say LEGACY, end */
	IPC_LEGACY,    /* from it: octets (app/legacy.h); several where they are many */
	IPC_TRIAL_SAY, /* from a trial to the supervisor that tries it: level u8, line str */
	IPC_TRIAL_ALIVE,   /* nothing: it goes on loading */
	IPC_TRIAL_KEEP,    /* octets, perhaps a fd: to be handed over with the rest */
	IPC_TRIAL_READY,   /* nothing: it could take over */
	IPC_TRIAL_REFUSED, /* why str */
	IPC_LEFT,      /* from a responder that was told to leave: no worker of it reads a query any more */
	IPC_STABLE_LAST = IPC_LEFT
};

enum ipc_zone_flag { IPC_ZONE_SIGNED = 1, IPC_ZONE_FAULTY = 2 };

enum ipc_begin_how {
	IPC_BEGIN_PART = 0,  /* what changed */
	IPC_BEGIN_WHOLE = 1, /* everything: what is not named is withdrawn */
	IPC_BEGIN_KEEP = 2   /* everything known yet: enough to start from, what is not named stays */
};

/* One live RRset on the wire between coordinator and responder. */
struct ipc_set_member { uint8_t ip[16]; uint16_t weight; };
struct ipc_set {
	uint16_t class, type;
	uint8_t owner[255]; uint8_t owner_len;
	uint32_t ttl_s;
	uint8_t pick;
	uint16_t answer_n, count;
	const struct ipc_set_member *members; /* borrowed */
	uint16_t signature_len; /* room for a signature a variant: always 0 now */
};

void ipc_begin(struct wbuf *w, enum ipc_type t); /* writes the head */
/* Reads the head; the type, or 0 for anything that is not ours (r->failed). */
enum ipc_type ipc_type_get(struct rbuf *r);
void ipc_addr_put(struct wbuf *w, const struct addr *a);
void ipc_addr_get(struct rbuf *r, struct addr *a);
void ipc_set_put(struct wbuf *w, const struct ipc_set *s); /* head included */
/* After ipc_type_get gave IPC_SET; members go to room[max]. r->failed on nonsense. */
void ipc_set_get(struct rbuf *r, struct ipc_set *s, struct ipc_set_member *room, size_t max);

#endif
