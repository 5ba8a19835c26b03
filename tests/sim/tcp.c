/* A twin that is heard by a connection only: datagrams do not get through, so each speaks once a second, and what it echoes is as old.
 *
 *     datagrams    ✗ ✗ ✗
 *     connections  ─×──×──×─┤ cut: what is written waits ├─×──×──×─     they hang, and either go on or are given up for others
 *     targets      all are silent by chance, or one lives
 *     judged       words go both ways ── 4.5 s ──▶ nobody is isolated; the network is back ── 15 s ──▶ words go both ways;
 *                  who died is found while another lives
 *
 *     tcp [--runs N] [--from N]     tcp --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 60
#else
#define RUNS 600
#endif
#define PIPES_MAX 8
#define PIECES_MAX 32
#define TARGETS_MAX 4
#define STEP_MS 10
#define APART_MS 1500 /* words once a second are not further apart than that */
#define YOUNG_MS 1500 /* nor is what they echo older, but for what waited in a cut */
#define TALK_MS 4500  /* two seconds of patience are over by then, whenever in its second the twin speaks */
#define BACK_MS 15000 /* a connection is given up after 5 s, the next is tried after 5 s more, and may be a hanging one of the other's */

enum end { CORE = 0, TWIN = 1 };
struct piece { uint64_t echo_ms, sent_ms, at_ms; size_t len; uint8_t data[2 + PAIR_PACKET_MAX]; };
struct way { size_t count; struct piece piece[PIECES_MAX]; };
struct pipe { /* by its ends; a number of 0: that end is closed, or not open yet */
	bool used, open, drained[2];
	enum end opener;
	uint32_t id[2];
	uint64_t opens_ms, echo_ms; /* echo: when the newest that the twin heard was sent */
	struct way from[2];
};
static struct pipe pipes[PIPES_MAX];
static uint32_t accepted;
static uint64_t hang_until_ms; /* what was lost in a cut is said again a while after it */
static uint64_t word_ms, echo_ms, talk_ms; /* the twin's last word; the newest of ours that it knew of; since when words come */
static struct { uint32_t interval_ms, timeout_ms, fall, targets; } conf;

/* ---- connections ---- */

static struct pipe *pipe_of(enum end end, uint32_t id)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		if (pipes[i].used && pipes[i].id[end] == id)
			return &pipes[i];
	}
	return NULL;
}

static void open_pipe(enum end by, uint32_t id)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		if (pipes[i].used)
			continue;
		memset(&pipes[i], 0, sizeof pipes[i]);
		pipes[i] = (struct pipe){ .used = true, .opener = by, .opens_ms = w.now_ms + 1 + below(40) };
		pipes[i].id[by] = id;
		return;
	}
	fail("connection after connection is opened, and none is closed");
}

static void write_pipe(struct pipe *k, enum end by, const uint8_t *data, size_t len)
{
	struct way *way = &k->from[by];
	if (way->count == PIECES_MAX)
		return; /* the socket is full */
	struct piece *p = &way->piece[way->count++];
	*p = (struct piece){ .echo_ms = k->echo_ms, .sent_ms = w.now_ms, .at_ms = w.now_ms + 1 + below(40), .len = len };
	memcpy(p->data, data, len);
	k->drained[by] = true;
}

static void act(enum end by, enum pair_stream_op op, uint32_t id, const uint8_t *data, size_t len)
{
	struct pipe *k = pipe_of(by, id);
	if (op != PAIR_STREAM_SEND)
		say(op == PAIR_STREAM_OPEN ? by == CORE ? "we open" : "the twin opens" : by == CORE ? "we close" : "the twin closes");
	if (op == PAIR_STREAM_OPEN)
		open_pipe(by, id);
	else if (k && op == PAIR_STREAM_SEND)
		write_pipe(k, by, data, len);
	else if (k)
		k->id[by] = 0;
}

static void on_effect(struct world *world, const struct core_effect *e)
{
	(void)world;
	if (loud && e->type == CORE_NOTICE)
		say(notice_line(e->notice.what, (char[NOTICE_LINE_MAX]){ 0 }));
	if (e->type == CORE_CONNECTION)
		act(CORE, e->connection.op, e->connection.id, e->connection.data, e->connection.len);
}

static void tell_core(enum core_stream what, uint32_t id, const struct piece *p)
{
	struct core_event e = { .type = CORE_STREAM, .stream = { .what = what, .id = id } };
	e.stream.from = core_plan(w.core)->nodes[twin_at].peer[0];
	e.stream.data = p ? p->data : NULL;
	e.stream.len = p ? p->len : 0;
	world_step(&w, &e);
}

static void tell_twin(enum core_stream what, uint32_t id, const struct piece *p)
{
	if (what == CORE_STREAM_ACCEPTED)
		pair_stream_accept(twin, id, &core_plan(w.core)->nodes[0].peer[0], w.now_ms);
	else if (what == CORE_STREAM_OPENED)
		pair_stream_open(twin, id, w.now_ms);
	else if (what == CORE_STREAM_OCTETS)
		pair_stream_receive(twin, id, p->data, p->len, w.now_ms, twin_wall());
	else if (what == CORE_STREAM_DRAINED)
		pair_stream_drained(twin, id, w.now_ms);
	else
		pair_stream_end(twin, id, w.now_ms);
}

static void tell(enum end end, enum core_stream what, uint32_t id, const struct piece *p)
{
	(end == CORE ? tell_core : tell_twin)(what, id, p);
}

static void connect_pipe(struct pipe *k)
{
	enum end other = k->opener == CORE ? TWIN : CORE;
	k->open = true;
	k->id[other] = PAIR_STREAM_ACCEPTED | ++accepted;
	tell(other, CORE_STREAM_ACCEPTED, k->id[other], NULL);
	tell(k->opener, CORE_STREAM_OPENED, k->id[k->opener], NULL);
}

/* The core is told by who heard it of late: words go both ways. Where both speak at nearly the same moment one may echo nothing new. */
static void note_word(const struct piece *p)
{
	if (!p->echo_ms || p->echo_ms + YOUNG_MS < w.now_ms)
		return;
	echo_ms = p->echo_ms;
	talk_ms = talk_ms && w.now_ms < word_ms + APART_MS ? talk_ms : w.now_ms;
	word_ms = w.now_ms;
}

static void deliver(struct pipe *k, enum end by)
{
	enum end to = by == CORE ? TWIN : CORE;
	struct piece p = k->from[by].piece[0];
	memmove(&k->from[by].piece[0], &k->from[by].piece[1], --k->from[by].count * sizeof p);
	if (!k->id[to])
		return;
	if (by == TWIN)
		note_word(&p);
	else
		k->echo_ms = p.sent_ms;
	tell(to, CORE_STREAM_OCTETS, k->id[to], &p);
}

static void run_end(struct pipe *k, enum end by)
{
	enum end to = by == CORE ? TWIN : CORE;
	uint32_t id = k->id[to];
	while (k->from[by].count > 0 && k->from[by].piece[0].at_ms <= w.now_ms)
		deliver(k, by);
	if (k->id[by] || k->from[by].count > 0 || !k->id[to])
		return;
	k->id[to] = 0;
	tell(to, CORE_STREAM_ENDED, id, NULL);
}

static void run_pipes(void)
{
	bool hangs = w.now_ms < hang_until_ms;
	for (size_t i = 0; i < PIPES_MAX; i++) {
		struct pipe *k = &pipes[i];
		for (int end = CORE; k->used && end <= TWIN; end++) {
			bool drained = k->drained[end];
			k->drained[end] = false;
			if (drained && k->id[end])
				tell((enum end)end, CORE_STREAM_DRAINED, k->id[end], NULL);
		}
		if (k->used && !k->open && k->id[k->opener] && !hangs && w.now_ms >= k->opens_ms)
			connect_pipe(k);
		for (int end = CORE; k->used && k->open && !hangs && end <= TWIN; end++)
			run_end(k, (enum end)end);
		k->used = k->used && (k->id[CORE] || k->id[TWIN]);
	}
}

/* ---- what must be so ---- */

static void judge(void)
{
	struct core_network n;
	core_network_get(w.core, &n);
	if (talk_ms && w.now_ms >= word_ms + APART_MS)
		talk_ms = 0;
	if (talk_ms && n.state == CORE_NETWORK_ISOLATED && w.now_ms >= talk_ms + TALK_MS)
		fail("it talks to its twin for %u ms, and is isolated", (unsigned)(w.now_ms - talk_ms));
	if (!talk_ms && w.now_ms >= (word_ms > hang_until_ms ? word_ms : hang_until_ms) + BACK_MS)
		fail("the network is there, and no words go both ways");
}

static void pass(uint64_t ms)
{
	struct pair_stream s;
	for (uint64_t to = w.now_ms + ms; w.now_ms < to && !*fault;) {
		run(STEP_MS, STEP_MS);
		while (pair_next_stream(twin, &s, w.now_ms, twin_wall()))
			act(TWIN, s.op, s.id, s.data, s.len);
		run_pipes();
		judge();
	}
}

/* ---- a run ---- */

static void targets_are(enum health_reason first, enum health_reason others)
{
	char address[20];
	for (uint32_t i = 0; i < conf.targets; i++) {
		snprintf(address, sizeof address, "192.0.2.%u", 11 + i);
		world_backend(&w, address, i == 0 ? first : others);
	}
}

static void cut(uint64_t ms)
{
	say("the network goes");
	hang_until_ms = w.now_ms + ms + below(1500);
	talk_ms = 0;
	targets_are(HEALTH_CONNECT_TIMEOUT, HEALTH_CONNECT_TIMEOUT);
	pass(ms);
	say("the network is back");
}

static void start(void)
{
	char text[400];
	conf.interval_ms = (uint32_t)(400 + below(1200));
	conf.timeout_ms = (uint32_t)(150 + below(conf.interval_ms / 2));
	conf.fall = (uint32_t)(1 + below(3));
	conf.targets = (uint32_t)(2 + below(TARGETS_MAX - 1));
	size_t n = (size_t)snprintf(text, sizeof text, "pair any-up away\ncheck web interval=%u timeout=%u retry=100 fall=%u rise=2\n"
				    "service www.test web", conf.interval_ms, conf.timeout_ms, conf.fall);
	for (uint32_t i = 0; i < conf.targets; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " 192.0.2.%u", 11 + i);
	snprintf(text + n, sizeof text - n, "\n");
	memset(pipes, 0, sizeof pipes);
	accepted = 0;
	talk_ms = echo_ms = 0;
	begin(text, on_effect);
	hang_until_ms = word_ms = w.now_ms;
	w.answer_ms = 1 + (uint32_t)below(conf.timeout_ms / 3);
	twin_mute = true;
	twin_begin();
	pass(10000 + below(1000));
}

static void find_dead(void)
{
	targets_are(HEALTH_OK, HEALTH_OK);
	pass(6000 + 4ull * conf.interval_ms);
	must_be_answered(0, conf.targets);
	targets_are(HEALTH_CONNECT_TIMEOUT, HEALTH_OK);
	say("192.0.2.11 dies");
	pass(3ull * conf.interval_ms + (3ull * conf.fall + 4) * (conf.timeout_ms + 100) + 4000);
	must_be_answered(1, conf.targets);
	if (is_answered(0))
		fail("a dead target is not found");
}

static void story(uint64_t seed)
{
	(void)seed;
	start();
	for (int i = 0; i < 4 && !*fault; i++) {
		enum health_reason others = below(3) ? HEALTH_CONNECT_TIMEOUT : HEALTH_OK;
		if (below(3))
			cut(below(2) ? 300 + below(3000) : 3000 + below(12000));
		targets_are(HEALTH_CONNECT_TIMEOUT, others);
		pass(6000 + below(12000));
	}
	find_dead();
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("tcp", RUNS, argv, story);
}
