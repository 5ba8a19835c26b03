/* Up to five nodes of the pair room alone, on ways of datagrams and of connections that are cut, lossy, one-way, slow, dead or refused,
 * under one virtual clock; the nodes' own clocks have nothing in common.
 *
 *     ways.c          the stories, and main
 *     ways_world.c    nodes, datagrams, the clock
 *     ways_streams.c  connections, and how long they may last
 *     ways_see.c      opens each packet as it leaves and as it counts: who asks whom, who is told what, what was truly heard
 *     ways_judge.c    what links, self states and local health may be, by what was truly heard
 *
 * Each of them calls ways_fault where a rule is broken; the run ends there. Of the room's inside only damage is done to a shelf, as a
 * fault of memory does it.
 */
#ifndef GEMEL_TESTS_SIM_WAYS_H
#define GEMEL_TESTS_SIM_WAYS_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/rng.h"
#include "pair/state.h"

#define WAYS_MAX 5
#define WAYS_WALL_MS 1700000000000u
#define FLIGHTS_MAX 2048
#define PIPES_MAX 48
#define FRAMES_MAX 64
#define ERRANDS_SEEN 64
#define LARGE_LEN 700
#define STRANGER (-1)

struct flight { uint64_t at, order; int from, to; uint32_t len; uint8_t data[PAIR_PACKET_MAX]; };
struct way { /* of datagrams, one direction */
	bool cut;
	uint8_t loss, doubled; /* percent */
	uint32_t delay_ms, jitter_ms;
	int large; /* so many large packets pass; -1 = all */
};
enum tcp_way { TCP_WELL = 0, TCP_REFUSED, TCP_DEAD };

struct frame { uint64_t at; uint32_t len; uint8_t data[2 + PAIR_PACKET_MAX]; };
struct pipe_end {
	int node; /* STRANGER: nobody's */
	uint32_t id; /* 0 = closed, or not accepted yet */
	uint64_t since, used, drained_at; /* by the world's clock */
	bool proven, waits;  /* a packet that counts came; octets wait at the edge */
	bool gave_up;        /* closed here while another to the same node was there */
	uint8_t fed;         /* packets that do not count, before one that does */
	uint32_t sent, count;
	struct frame *way;   /* what this end wrote and is on its way */
};
struct pipe {
	bool used, open, refused, dead;
	uint64_t at; /* opens, or is refused; once open: the other end is told that this is over. 0 = not */
	struct pipe_end end[2]; /* 0 opened it */
};

/* What a node truly heard of another; by its own clock. */
struct heard {
	uint64_t boot, start;          /* of the session */
	uint64_t udp, tcp, echo, tcp_echo; /* a packet that counts, and the newest of our stamps that one brought */
	unsigned echoes;               /* by UDP, since that was silent */
	uint64_t indirect, asked, well_since, suspect_since, level_since;
	uint64_t tried;                /* the last connection */
	uint64_t diverged;
};
struct errand { int from, to; enum tlv_type type; struct tlv_ping ping; };
struct ways_node {
	struct pair *p;
	struct pair_conf conf;
	struct pair_peer_conf peer[WAYS_MAX];
	uint64_t epoch, boot, mono, awake_from, born, woke, due, epoch_at;
	int64_t wall;
	struct pair_self_signs signs;
	enum pair_self_state self; /* as the chart has it */
	uint64_t acks;
	uint8_t lhm;
	bool told_deaf;            /* since then */
	struct heard of[WAYS_MAX];
	struct errand must[ERRANDS_SEEN]; /* what it must send on now */
	size_t must_count;
	bool must_many;            /* more at one moment than are kept */
};
struct ways {
	struct rng rng;
	uint64_t seed, now, boots, steps;
	bool loud, failed;
	const char *story;
	int nodes;
	uint32_t interval_ms, disk_ms; /* disk: an epoch is written within that */
	bool slow_kernel;   /* octets are the kernel's only once they are read */
	uint8_t odd;        /* percent of packets with questions and answers that nobody asked for: a peer of another making */
	bool damaged;       /* a shelf was: divergence may be told */
	uint64_t divergences;
	struct way way[WAYS_MAX][WAYS_MAX];
	enum tcp_way tcp[WAYS_MAX][WAYS_MAX];
	struct ways_node node[WAYS_MAX];
	struct flight flights[FLIGHTS_MAX];
	size_t flight_count;
	uint64_t flown; /* packets: of one moment the first comes first */
	struct pipe pipes[PIPES_MAX];
	uint32_t accepted;
	uint8_t keys[2][WAYS_MAX][WAYS_MAX][PAIR_KEY_LEN];
	struct flight stolen;  /* with a record, if len */
	int steal_from, steal_to; /* -1: nothing is */
	bool release;
	uint64_t opened, beats; /* connections, packets on them */
	uint8_t overheard[WAYS_MAX][2 + PAIR_PACKET_MAX]; /* the last that each wrote to a connection */
	uint32_t overheard_len[WAYS_MAX];
};

void ways_fault(struct ways *w, const char *format, ...) PRINTF_LIKE(2, 3);
void ways_tell(struct ways *w, const char *format, ...) PRINTF_LIKE(2, 3);
static inline uint64_t ways_at(const struct ways *w, int i) { return w->now + w->node[i].mono; }
static inline bool ways_runs(const struct ways *w, int i) { return w->node[i].p && w->now >= w->node[i].awake_from; }
static inline uint32_t ways_below(struct ways *w, uint32_t n) { return (uint32_t)rng_below(&w->rng, n); }
static inline bool ways_is_well(enum pair_link_state s) { return s == PAIR_ACTIVE || s == PAIR_MISMATCH; }
struct pair_peer_view ways_view(const struct ways *w, int i, int of);
struct addr ways_address(int i);

/* ---- world ---- */
void ways_begin(struct ways *w, uint64_t seed, int nodes);
void ways_end(struct ways *w);
void ways_start(struct ways *w, int i);
void ways_kill(struct ways *w, int i);
void ways_run(struct ways *w, uint64_t ms);
/* After each call to a node: its events, its packets, its connections. */
void ways_drain(struct ways *w, int i);
void ways_cut(struct ways *w, int a, int b, bool cut); /* datagrams, both ways */
void ways_tcp(struct ways *w, int a, int b, enum tcp_way t);

/* ---- streams ---- */
void streams_begin(struct ways *w);
void streams_end(struct ways *w);
void streams_do(struct ways *w, int i, const struct pair_stream *s);
uint64_t streams_next(const struct ways *w);
bool streams_step(struct ways *w); /* false: nothing was due */
void streams_kill(struct ways *w, int i);
void streams_stick(struct ways *w, int a, int b);
void streams_judge(struct ways *w, int i);
size_t streams_between(const struct ways *w, int a, int b);
/* A stranger calls and says what it has overheard, or nothing. */
void streams_call(struct ways *w, int to, const uint8_t *said, uint32_t len, unsigned times);

/* ---- what is in packets ---- */
struct seen { struct pair_header h; struct pair_beat b; uint8_t plain[PAIR_PACKET_MAX]; };
bool see(struct ways *w, struct seen *s, int from, int to, enum link_way way, const uint8_t *data, size_t len);
void see_sent(struct ways *w, int from, int to, enum link_way way, const uint8_t *data, size_t len, bool bare);
/* before: what the node held of the links and could know when it came. */
struct before { uint32_t suspect_ms; bool well[WAYS_MAX]; };
struct before see_before(const struct ways *w, int i, int from);
void see_taken(struct ways *w, int i, int from, enum link_way way, const uint8_t *data, size_t len, const struct before *before);
/* Says something more in a packet, as a peer of another making might. */
void see_odd(struct ways *w, struct flight *f);
uint64_t see_counted(const struct ways *w, int i);

/* ---- judgement ---- */
void judge_event(struct ways *w, int i, const struct pair_event *e);
void judge_step(struct ways *w, int i); /* after it was drained */
void judge_health(struct ways *w, int i, uint8_t before); /* after a tick, before its events */
void judge_tick(struct ways *w, int i); /* after a tick, and its events */
void judge_signs(struct ways *w, int i, const struct pair_self_signs *s);
bool judge_level(const struct ways *w, int i, int of); /* `of` holds all that i does */
bool judge_equal(struct ways *w);
#endif
