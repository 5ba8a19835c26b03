/* The responder's own state: one main thread (libevent: messages, publication, TCP, cold path) and the UDP workers.
 *
 *     main thread ──publishes──▶ view (RCU) ◀──read, a batch at a time── worker 0 … W-1
 *         ▲  └─ COLD ─▶ coordinator                                        │
 *         └──────────────── cold queries (a datagram socket pair) ◀────────┘
 */
#ifndef GEMEL_APP_RESPONDER_STATE_H
#define GEMEL_APP_RESPONDER_STATE_H
#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include "answer/answer.h"
#include "answer/cookie.h"
#include "answer/rate.h"
#include "app/limited.h"
#include "app/sockets.h"
#include "app/tap_draw.h"
#include "base/latency.h"
#include "core/plan.h"
#include "io/chan.h"

#define RESPONDER_WORKERS_MAX 64
#define RESPONDER_LISTENS_MAX 64
#define OVERLAYS_MAX 2 /* a whole log, and what a new coordinator adds to it */
#define RESPONDER_QUERY_MAX 4096 /* a longer UDP query is no honest one (EDNS padding ends far below) */
#define RESPONDER_UDP_MAX 4096   /* the largest UDP answer limits.edns may allow */

/* What workers read: swapped whole, freed after a grace period. */
struct view {
	struct answer_db *db;
	uint64_t generation;
	uint32_t *turn[RESPONDER_WORKERS_MAX + 1]; /* rotate positions a worker; the last is the main thread's */
	uint64_t *by_zone[RESPONDER_WORKERS_MAX + 1]; /* questions a worker, likewise */
	uint64_t *by_zone_before; /* those of the views before this one, of its zones; the main thread's */
	struct mapping {
		const uint8_t *data;
		size_t len;
		dev_t dev;
		ino_t ino;
		bool checked; /* the view before had it too */
	} maps[ANSWER_IMAGES_MAX];
	size_t map_count;
	unsigned worker_count; /* turns are for */
	const uint8_t *refs;   /* the zones to serve, mapped; until view_check is done */
	size_t refs_len;
};

union packet_control { /* destination address of a query, for wildcard sockets */
	size_t align; /* as struct cmsghdr wants */
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

#define CACHE_LINE 64 /* what one worker writes, no other has on its line */

struct responder;
struct worker {
	struct responder *r;
	unsigned index;
	pthread_t thread;
	int *fds; /* its sockets */
	bool *wildcard;
	size_t fd_count;
	struct answer_worker answer;
	struct rate *rate; /* published (RCU), its own to write; NULL = responses are not limited */
	struct latency latency; /* of some batches; read by others with relaxed loads */
	struct tap_turn tap;
	uint64_t beat; /* counts turns; the main thread looks whether it moves */
} __attribute__((aligned(CACHE_LINE)));

struct listen_set {
	enum socket_kind kind;
	struct addr addr;
	bool wildcard;
	int fds[SOCKETS_PER_ADDRESS_MAX];
	size_t count;
};

struct overlay_change { size_t slot; struct answer_live *live; };
struct overlay {
	bool open;           /* between BEGIN and COMMIT */
	bool ignored;        /* for a generation that is past */
	uint64_t as;         /* what is replayed counts for this generation, whichever it names; 0 = for its own */
	uint8_t how;         /* enum ipc_begin_how */
	uint64_t generation, seq;
	struct overlay_change *changes;
	size_t count, cap;
};

struct cookie_state { /* cookies.c; only the main thread writes */
	struct cookie_jar *jar; /* RCU; NULL = no root yet */
	uint64_t now_s;         /* wall clock, to the second; read with relaxed loads */
	uint8_t root[COOKIE_ROOT_LEN];
	uint8_t previous[COOKIE_ROOT_LEN];
	uint64_t previous_until_s; /* 0 = there is none */
	bool has_root, due;
};

enum responder_hold {
	RESPONDER_FREE = 0,
	RESPONDER_HOLDS,   /* it prepares, and reads no socket */
	RESPONDER_RELEASED /* it has the last live answers of the one before, and waits for the coordinator's */
};
struct cold_table;
struct legacy_writer;
struct tcp_server;
struct responder {
	struct event_base *base;
	struct chan *supervisor, *coordinator;
	struct listen_set listens[RESPONDER_LISTENS_MAX];
	size_t listen_count;
	struct worker workers[RESPONDER_WORKERS_MAX];
	unsigned worker_count, cpus;
	struct answer_worker main_answer; /* for TCP */
	struct answer_limits limits;
	struct answer_nets *subnet_from; /* what limits has, to be freed */
	struct cookie_state cookies;
	uint8_t secret[COOKIE_ROOT_LEN]; /* the supervisor's, for cookies without a pair */
	uint8_t nsid[256];
	struct rate_limits rate_limits; /* those in force, a worker's part */
	struct limited limited;         /* whom people were told of */
	unsigned rate_tables;           /* workers they are in force for; 0 = never applied */
	uint16_t tcp_max, tcp_per_source;
	uint32_t tcp_idle_ms;
	struct view *view;   /* published (RCU): workers read it, only the main thread writes */
	struct tap tap;      /* workers look at it once a batch */
	struct tap_turn tap_turn; /* the main thread's */
	struct tap_rings *rings;  /* NULL = never switched on yet */
	struct view *waiting;/* a newer generation whose overlay is not whole yet; NULL = none */
	uint64_t told;       /* the generation that the supervisor knows us to answer from */
	uint64_t refused;    /* the generation that could not be served, while an older one is; 0 = none */
	struct { int fds[ANSWER_IMAGES_MAX]; size_t count; int zones, overlays[OVERLAYS_MAX]; size_t overlay_count; bool foreign; } arriving; /* -1 = none */
	struct event *late;  /* the overlay does not come */
	struct overlay overlay;
	bool serving;
	uint64_t figures_told; /* by how much was asked when the coordinator was told; 0 = it was not */
	uint64_t zones_told;   /* the generation whose zones it was told; 0 = none */
	enum responder_hold hold; /* an upgrade: another still reads the sockets */
	bool leaving;             /* another took our place; atomic, workers look at it */
	unsigned workers_ended;   /* atomic */
	struct cold_table *cold;
	struct tcp_server *tcp;
};

/* view.c */
/* Maps images; the descriptors stay the caller's. An image that `old` (or NULL) holds too was checked with it and is not looked
 * through again. ERR_FORMAT, ERR_IO, ERR_NOMEM. */
int view_new(struct view **v, uint64_t generation, const struct view *old, const int *image_fds, size_t count, int zones_fd,
	     unsigned workers) MUST_CHECK;
/* Looks through the images and builds the database: after that it can be served. Takes its time; any thread. */
int view_check(struct view *v) MUST_CHECK;
void view_free(struct view *v); /* only after a grace period; NULL is fine */

/* figures.c */
uint64_t *figures_counters_new(const struct answer_db *db) MUST_CHECK; /* one a zone; NULL = out of memory */
/* Questions that were counted under the old view, which nobody reads any more, belong to the new one. */
void figures_carry(struct view *v, const struct view *old);
void figures_send(struct responder *r); /* once a second: questions by zone, and how long answers took */
void figures_tell_last(struct responder *r, struct legacy_writer *l); /* the same, to whom the node's figures go on with */

/* prepare.c */
typedef void (*prepare_done)(struct responder *r, struct view *v, int error);
/* Lets a thread run view_check, and calls done from the loop with what came of it. ERR_NOMEM: there is no thread. */
int prepare_start(struct responder *r, struct view *v, prepare_done done) MUST_CHECK;

/* overlay.c: IPC_BEGIN, IPC_SET, IPC_WITHDRAW, IPC_COMMIT */
/* Returns true where the message was one of these. *wait is set when the generation's images have not come yet: the caller must
 * stop reading until they have. */
bool overlay_message(struct responder *r, const uint8_t *data, size_t len, bool *wait);
/* Replays the log that the supervisor kept, up to its last commit. foreign: of the version before, whose generation was another. */
void overlay_replay(struct responder *r, int fd, bool foreign);

/* limits.c */
/* Responses are limited from the next batch on; connections that are there keep their idle time. */
void limits_apply(struct responder *r, const struct plan_limits *l);
void limits_tick(struct responder *r, uint64_t now_ms); /* once a second: tells whose responses are limited */

/* worker.c */
int workers_start(struct responder *r) MUST_CHECK;
/* False when a worker has not moved since the last call but one. */
bool workers_alive(struct responder *r);
void workers_wake(struct responder *r); /* those that wait for a query look whether we are leaving */
bool workers_ended(const struct responder *r); /* once we are leaving: none has a query left */

/* leave.c */
void leave_begin(struct responder *r); /* ends the process when it is done; calling it again is harmless */

/* responder.c */
void responder_put_stats(struct responder *r, struct wbuf *w); /* the payload of IPC_STATS: numbers, 8 octets each */

/* cookies.c */
/* The root changes to this one; cookies of the last one are accepted for their hour, or those of `other`, where it is given, for as
 * long as it is. */
void cookies_set_root(struct responder *r, const uint8_t root[COOKIE_ROOT_LEN], const uint8_t *other);
void cookies_tick(struct responder *r); /* once a second */
/* Clock and jar for what is answered next; any thread that is online for RCU. */
void cookies_lend(const struct responder *r, struct answer_worker *w);

/* cold.c */
struct tcp_conn;
struct cold_origin { /* where an answer goes */
	struct tcp_conn *conn; /* TCP; NULL = UDP, then: */
	int fd;
	struct sockaddr_storage to;
	socklen_t to_len;
	union packet_control control;
	uint32_t control_len;
};
struct cold_table *cold_new(struct responder *r) MUST_CHECK;
int cold_worker_socket(const struct cold_table *c); /* where workers hand over; any thread */
/* From a worker: copies everything. False when the way is full (the caller answers SERVFAIL). */
bool cold_hand_over(int socket, const struct cold_origin *o, const uint8_t *query, size_t len);
void cold_submit(struct cold_table *c, const struct cold_origin *o, const uint8_t *query, size_t len);
void cold_reply(struct cold_table *c, struct rbuf *message); /* after the head of an IPC_COLD_REPLY */
void cold_forget_conn(struct cold_table *c, const struct tcp_conn *conn);
void cold_lost(struct cold_table *c);   /* the coordinator is gone: what it was asked waits for the next, in its time */
void cold_resume(struct cold_table *c); /* there is another */
bool cold_waits(const struct cold_table *c); /* somebody's answer is to come */

/* tcp.c */
struct tcp_stats {
	uint64_t open; /* now */
	uint64_t accepted;
	uint64_t evicted, evicted_source; /* idlest ones that gave way, to the bound of all and to that of their network */
};
const struct tcp_stats *tcp_stats_get(const struct tcp_server *t);
struct tcp_server *tcp_new(struct responder *r) MUST_CHECK;
void tcp_listen(struct tcp_server *t, int fd);
void tcp_tick(struct tcp_server *t); /* once a second: ends what has been idle for too long */
void tcp_stop_listening(struct tcp_server *t); /* who waits in a queue is for another process with the same sockets */
/* Ends connections that have been idle for so long and of which nothing is left to be answered or sent, in good order. */
void tcp_end_idle(struct tcp_server *t, uint64_t idle_ms);
void tcp_end_all(struct tcp_server *t); /* whatever they do, each behind an answer; to be called again until none is open */

/* tcp_conn.c */
const struct addr *tcp_peer(const struct tcp_conn *c);
/* An answer from elsewhere will come: until then a half-closed connection stays. */
void tcp_expect(struct tcp_conn *c);
/* It came, or will not (len 0). The connection may be gone after. */
void tcp_answer(struct tcp_conn *c, const uint8_t *message, size_t len);

#endif
