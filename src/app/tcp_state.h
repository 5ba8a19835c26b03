/* DNS over TCP (RFC 7766), on the main thread. Private to tcp.c, which takes connections, bounds and ends them, and tcp_conn.c,
 * which reads and answers them:
 *
 *     recv ─▶ in ─▶ messages ─▶ answer_query ─▶ out ─▶ send         one recv and one send, however many questions came
 *             │                                  │
 *             └─ a connection's own `stream`     └─ its own `unsent`    only where something is left over, bounded
 *
 * A connection is in one of these states:
 *
 *     READING   nothing of ours is left over: the next piece is read when it comes
 *     SENDING   the client is behind, or has had its turn: nothing is read until what is left over is answered and sent
 *     CLOSING   the client will send no more (half-closed): what it asked is answered, then it ends
 *     ENDING    we shall send no more, and the client has been told behind its last answer: what it still sends is thrown away until
 *               it ends, for a close before that would be a reset, which may take answers from it that it has not read yet
 *
 * Connections are watched edge-triggered by an epoll of their own, which stands in the main loop as one event: so a connection
 * costs no system call but its own, and however many are busy, the main loop's other work gets its turn.
 */
#ifndef GEMEL_APP_TCP_STATE_H
#define GEMEL_APP_TCP_STATE_H
#include "app/responder_state.h"
#include "app/sources.h"
#include "dns/framing.h"

#define TCP_READ_MAX (64u << 10)
#define TCP_TURN_MAX (64u << 10)    /* octets of answers, then others get their turn */
#define TCP_UNSENT_MAX (256u << 10) /* what a turn leaves over is less; answers of the cold path may come on top */

enum tcp_state { TCP_READING = 1, TCP_SENDING, TCP_CLOSING, TCP_ENDING };

struct tcp_conn {
	struct source_entry activity;
	struct tcp_server *server;
	int fd;
	uint8_t state;         /* enum tcp_state */
	bool watched;          /* by epoll */
	uint16_t pending;      /* answers still to come from the cold path */
	uint64_t active_ms;    /* when it last sent a whole message or took answers */
	struct framing stream; /* came, not answered */
	struct bytes unsent;   /* answered, not sent: from sent on */
	size_t sent;
	struct addr peer;
	uint64_t prefix; /* answer_prefix of peer */
};

struct tcp_server {
	struct responder *r;
	struct sources conns;
	struct tcp_stats stats;
	struct listener { struct tcp_server *server; struct event *readable, *rested; } listeners[RESPONDER_LISTENS_MAX];
	size_t listener_count;
	int ep; /* watches connections */
	struct event *ready;
	uint64_t tapped_us; /* when its turn began, while the tap is on */
	struct tcp_conn *current; /* whose turn it is; its answers are gathered in out. NULL = nobody's */
	size_t out_len;
	uint8_t in[FRAMING_HEAD + TCP_READ_MAX];
	uint8_t out[TCP_TURN_MAX + FRAMING_PREFIX_LEN + DNS_MESSAGE_MAX];
};

/* tcp.c */
void tcp_conn_free(struct tcp_conn *c);
void tcp_conn_touch(struct tcp_conn *c); /* it did something that keeps it young */

/* tcp_conn.c; after any of these the connection may be gone. */
void tcp_conn_begin(struct tcp_conn *c); /* its first turn; it is watched from then on */
void tcp_conn_ready(struct tcp_conn *c, uint32_t events); /* epoll told of it */
void tcp_conn_end(struct tcp_conn *c); /* as soon as it may be: between two answers, with none of ours to come */

#endif
