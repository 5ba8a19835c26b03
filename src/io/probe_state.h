/* Inside io/probe*: one probe and what it waits for.
 *
 *     probe.c       waiting, deadlines, turns, verdict       probe_conn.c   sockets: connect send read readline close
 *                                                            probe_udp.c    datagrams
 *                                                            probe_tls.c    handshakes over probe_conn
 *                                                            probe_http.c   one exchange over both
 *                                                            probe_dns.c    one question
 *                                                            probe_ping.c   one echo
 *                                                            probe_trace.c  what it does, for people
 *     probes.c      the set: queues, whose turn it is        probe_run.c    one plugin, at the runner
 */
#ifndef GEMEL_IO_PROBE_STATE_H
#define GEMEL_IO_PROBE_STATE_H
#include <sys/queue.h>
#include <sys/socket.h>
#include "io/http1.h"
#include "io/probe.h"
#include "io/tls.h"

#define PROBE_READ_LEN 16384 /* octets taken from a socket at once */

struct probe;
struct probe_conn {
	int fd;          /* -1 = free */
	uint16_t port;
	struct tls *tls; /* NULL = plain */
	bool datagrams;  /* UDP */
	struct bytes in; /* read and not yet asked for */
	size_t taken;    /* of in */
};
/* What the probe waits for; at most one thing, since a run is one coroutine. */
enum probe_wait {
	PROBE_WAIT_NONE = 0,
	PROBE_WAIT_CONNECT, PROBE_WAIT_TLS, PROBE_WAIT_SEND, PROBE_WAIT_READ, PROBE_WAIT_LINE, PROBE_WAIT_SLEEP,
	PROBE_WAIT_HTTP, /* reading; while it connects and sends it waits as those do */
	PROBE_WAIT_DNS, PROBE_WAIT_PING,
	PROBE_WAIT_TURN, PROBE_WAIT_RUN, /* for the runner to begin; for the plugin to end */
	PROBE_WAIT_ROOM /* for others to close their TLS connections */
};
struct probe_http { /* an exchange, from its connect to its answer */
	struct bytes request;
	struct http1 answer;
};
/* An exchange that is not a connection of the script's; the first member of what it needs. Lives until its answer was read. */
struct probe_side {
	struct probe_conn conn;            /* its socket; fd -1 = none */
	void (*ready)(struct probe *p);    /* the socket is ready; NULL = nobody waits for one */
	void (*free)(struct probe_side *); /* all but conn */
};
enum probe_queue { PROBE_NOWHERE = 0, PROBE_STARTS, PROBE_RESUMES, PROBE_SLOW, PROBE_CRYPTO, PROBE_ROOM, PROBE_QUEUES };

struct probe {
	struct probes *set;
	struct probe_job job;
	struct script_run *run; /* NULL before its first turn */
	struct script_request req;
	struct script_answer answer;
	bool has_answer;
	bool slow, sliced;      /* queued behind others; used up a slice in this run */
	bool local;             /* a local error happened: the run cannot say that the target is down */
	bool late;              /* the deadline has passed: ends at its next turn */
	uint64_t started_us, deadline_us, stalled_us;
	uint64_t crypto_since_us, crypto_wait_us; /* waits for its turn to shake hands, or for room: since when; in all, our fault */
	struct event *io, *timer;
	enum probe_wait wait;
	struct probe_conn *conn; /* that is waited for */
	uint64_t wait_until_us;  /* the request's own time-out; UINT64_MAX = none */
	const char *out;         /* being sent */
	size_t out_len;
	struct probe_http *http;
	struct probe_side *side;
	struct probe_conn conns[PROBE_CONNS_MAX];
	char detail[HEALTH_DETAIL_MAX];
	enum probe_queue queue;
	TAILQ_ENTRY(probe) link; /* in its queue */
	TAILQ_ENTRY(probe) all;
};
TAILQ_HEAD(probe_list, probe);

struct probes {
	struct event_base *base;
	struct event *turn, *tick;
	unsigned in_flight, in_flight_max; /* probes that have had their first turn */
	probe_done done;
	void *ctx;
	bool turn_set;
	uint64_t tick_due_us; /* 0 = no tick runs */
	struct probe_list all, queue[PROBE_QUEUES];
	struct probes_stats stats;
	unsigned tls_max;
	struct tls_contexts *tls; /* NULL before the first handshake */
	struct probe_runner *runner; /* NULL = none yet */
	struct probe_pinger *pinger; /* NULL = none */
	struct addr source[2];       /* of IPv4, IPv6; family 0 = the system's choice */
	uint8_t room[PROBE_READ_LEN]; /* what is read from a socket, before it is somebody's */
};

/* ---- probes.c ---- */
void probes_ask_turn(struct probes *s);
void probes_enter(struct probe *p, enum probe_queue q); /* at its end; leaves the one it is in */
void probes_enter_own(struct probe *p);                 /* where it belongs: it has something to do */
void probes_leave(struct probe *p);
uint64_t probes_stalled_us(const struct probes *s, uint64_t now_us); /* how long the loop has stood still, in all */

/* ---- probe.c ---- */
void probe_take_turn(struct probe *p); /* its turn; it may be gone after it */
void probe_on_timer(evutil_socket_t fd, short what, void *p);
void probe_free(struct probe *p);
void probe_answer(struct probe *p, const struct script_answer *a); /* what was waited for is here: a turn resumes it */
void probe_fail(struct probe *p, enum health_reason why, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Waits for fd to be ready (EV_READ or EV_WRITE); on_ready is probe_conn_ready. */
void probe_wait_io(struct probe *p, enum probe_wait wait, struct probe_conn *c, short what);

/* Goes on shaking hands in a coming turn: that is work for the processor, so probes take turns at it. */
void probe_ask_crypto(struct probe *p);
void probe_ask_room(struct probe *p); /* begins its TLS again once there is room for a connection more */
struct tls_contexts *probe_tls_contexts(struct probe *p); /* NULL = out of memory */

/* Becomes p->side, with side as its first member of len octets; NULL after probe_fail. */
void *probe_side_new(struct probe *p, size_t len, void (*ready)(struct probe *), void (*free)(struct probe_side *));

/* ---- probe_trace.c; each does nothing unless somebody watches ---- */
void probe_trace(struct probe *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void probe_trace_request(struct probe *p);
void probe_trace_answer(struct probe *p, const struct script_answer *a);
void probe_trace_tls(struct probe *p); /* the handshake of p->conn is done */

/* ---- probe_dns.c ---- */
void probe_dns_begin(struct probe *p);

/* ---- probe_ping.c ---- */
void probe_ping_begin(struct probe *p);
struct probe_pinger; /* raw sockets, where pings cannot have their own */
struct probe_pinger *probe_pinger_new(void);
int probe_pinger_add(struct probe_pinger *g, struct event_base *base, int fd); /* takes fd on success. ERR_FORMAT, ERR_NOMEM */
void probe_pinger_free(struct probe_pinger *g); /* NULL is fine; nobody may wait there any more */

/* ---- probe_run.c ---- */
void probe_run_begin(struct probe *p);
struct probe_runner; /* the way to the runner, and who waits there */
struct probe_runner *probe_runner_new(struct event_base *base, int fd); /* takes fd; NULL when out of memory */
void probe_runner_free(struct probe_runner *r); /* NULL is fine; whoever waits there fails: our own fault */

/* ---- probe_conn.c ---- */
void probe_conn_begin(struct probe *p); /* performs p->req of type CONNECT … CLOSE */
void probe_conn_connect(struct probe *p, const struct addr *a); /* → probe_connected */
struct probe_conn *probe_conn_open(struct probe *p, const struct addr *a, int type, struct sockaddr_storage *ss,
				   socklen_t *len); /* NULL once the probe has failed */
void probe_conn_send(struct probe *p, struct probe_conn *c, const char *data, size_t len);
void probe_connected(struct probe *p);   /* the connection that is waited for can be used */
void probe_conn_fail(struct probe *p, int error, enum probe_wait wait); /* the socket's error */
void probe_conn_ready(struct probe *p);  /* the socket that is waited for is ready */
void probe_conn_close(struct probe_conn *c);
enum health_reason probe_reason_of(int error, enum probe_wait wait, bool at_once);

/* ---- probe_source.c: both false once the probe has failed ---- */
const struct addr *probe_source_of(struct probe *p, uint8_t family); /* NULL = the system's choice */
bool probe_leave_from(struct probe *p, int fd, uint8_t family); /* before fd is connected */
/* A socket that probes share; bound: where it was bound the last time, family 0 at first. */
bool probe_leave_shared(struct probe *p, int fd, uint8_t family, struct addr *bound);

/* ---- probe_udp.c ---- */
void probe_udp_begin(struct probe *p); /* performs SCRIPT_REQ_UDP */
void probe_udp_send(struct probe *p);  /* p->out on p->conn, as one datagram */
void probe_udp_read(struct probe *p);  /* p->conn is readable, or may be */

/* ---- probe_tls.c ---- */
void probe_tls_begin(struct probe *p); /* on p->conn, as p->req asks → probe_connected */
void probe_tls_step(struct probe *p);  /* its turn at the processor */
void probe_tls_fail(struct probe *p);  /* the last call on p->conn failed */
void probe_tls_info(struct probe *p);  /* answers SCRIPT_REQ_TLS_INFO */

/* ---- probe_http.c ---- */
void probe_http_begin(struct probe *p);
void probe_http_connected(struct probe *p);
void probe_http_sent(struct probe *p);
void probe_http_read(struct probe *p, const uint8_t *data, size_t len); /* len 0 = the stream ended */
void probe_http_free(struct probe *p);

#endif
