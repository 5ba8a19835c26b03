/* Connections: a way that is well, one that refuses, one that swallows; and how long, and for whom, one may last.
 *
 *     OPEN ──▶ delay ──▶ accepted, open ──▶ frames ──▶ one end closes ──▶ the other is told, where the way is not dead
 */
#include "sim/ways.h"

#define SLACK_MS 2

void streams_begin(struct ways *w)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		struct frame *a = w->pipes[k].end[0].way, *b = w->pipes[k].end[1].way;
		w->pipes[k] = (struct pipe){ 0 };
		w->pipes[k].end[0].way = a ? a : calloc(FRAMES_MAX, sizeof *a);
		w->pipes[k].end[1].way = b ? b : calloc(FRAMES_MAX, sizeof *b);
		if (!w->pipes[k].end[0].way || !w->pipes[k].end[1].way)
			abort();
	}
}

void streams_end(struct ways *w)
{
	for (size_t k = 0; k < PIPES_MAX; k++)
		w->pipes[k].used = false;
}

static struct pipe *new_pipe(struct ways *w, int from, int to)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		struct pipe *p = &w->pipes[k];
		if (p->used)
			continue;
		*p = (struct pipe){ .used = true, .end = { { .node = from, .way = p->end[0].way }, { .node = to, .way = p->end[1].way } } };
		p->end[0].since = p->end[1].since = p->end[0].used = p->end[1].used = w->now;
		return p;
	}
	ways_fault(w, "more connections than any rule lets be");
	return NULL;
}

static uint32_t delay_of(const struct ways *w, const struct pipe *p)
{
	return p->end[0].node == STRANGER ? 1 : w->way[p->end[0].node][p->end[1].node].delay_ms;
}

static bool is_alive(const struct ways *w, const struct pipe_end *e)
{
	return e->id && e->node != STRANGER && w->node[e->node].p;
}

size_t streams_between(const struct ways *w, int a, int b)
{
	size_t n = 0;

	for (size_t k = 0; k < PIPES_MAX; k++) {
		const struct pipe *p = &w->pipes[k];
		n += p->used && ((p->end[0].node == a && p->end[1].node == b) || (p->end[0].node == b && p->end[1].node == a));
	}
	return n;
}

void streams_stick(struct ways *w, int a, int b)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		struct pipe *p = &w->pipes[k];
		if (!p->used || !((p->end[0].node == a && p->end[1].node == b) || (p->end[0].node == b && p->end[1].node == a)))
			continue;
		p->dead = true;
		p->end[0].count = p->end[1].count = 0;
	}
}

/* ---- one end closes ---- */

static void shut(struct ways *w, struct pipe *p, int end)
{
	p->end[end].id = 0;
	p->end[!end].count = 0; /* what it has not read */
	if (!is_alive(w, &p->end[!end]))
		p->used = false;
	else if (!p->dead)
		p->at = w->now + delay_of(w, p);
}

void streams_kill(struct ways *w, int i)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		for (int end = 0; end < 2; end++) {
			if (w->pipes[k].used && w->pipes[k].end[end].node == i && w->pipes[k].end[end].id)
				shut(w, &w->pipes[k], end);
		}
	}
}

/* The end of another connection between these two that this node holds to be proven. */
static const struct pipe *other_than(const struct ways *w, const struct pipe *p, int i, int j, int *end)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		const struct pipe *o = &w->pipes[k];
		for (*end = 0; o->used && o != p && *end < 2; ++*end) {
			if (o->end[*end].node == i && o->end[*end].id && o->end[*end].proven && o->end[!*end].node == j)
				return o;
		}
	}
	return NULL;
}

/* Nobody closes what works and may be needed: idle for 10 s, or octets that wait for 5 s, or another instead, or it leads nowhere. */
static void judge_close(struct ways *w, struct pipe *p, int end, int i)
{
	struct pipe_end *e = &p->end[end];
	int j = p->end[!end].node, at;

	if (!e->proven || j == STRANGER)
		return;
	const struct pipe *other = other_than(w, p, i, j, &at);
	if (other) {
		e->gave_up = true;
		if (!other->end[!at].id && other->end[!at].gave_up && other->end[!at].since + 3000 > w->now)
			ways_fault(w, "n%d and n%d gave up each other's connection", i + 1, j + 1);
		return;
	}
	const struct heard *h = &w->node[i].of[j];
	uint64_t now = ways_at(w, i), echo = h->echo > h->start ? h->echo : h->start;
	bool lively = h->udp && now < echo + 2 * w->interval_ms && now > h->start + 5000;
	bool idle = w->now >= e->used + PAIR_STREAM_IDLE_MS || (e->waits && w->now >= e->used + PAIR_STREAM_STALL_MS);
	if (lively && !idle && !e->waits && w->node[j].p && judge_level(w, i, j) && h->level_since && now > h->level_since + PAIR_BULK_STALL_MS + 2 * w->interval_ms + 500)
		ways_fault(w, "n%d closes a connection that is no older than its use, to n%d, which lacks nothing", i + 1, j + 1);
}

static struct pipe *pipe_of(struct ways *w, int i, uint32_t id, int *end)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		struct pipe *p = &w->pipes[k];
		for (*end = 0; p->used && *end < 2; ++*end) {
			if (p->end[*end].node == i && p->end[*end].id == id)
				return p;
		}
	}
	return NULL;
}

/* ---- what a node does ---- */

static void open_one(struct ways *w, int i, const struct pair_stream *s)
{
	int to = s->to.ip[3] - 1;
	struct heard *h = &w->node[i].of[to];
	struct pipe *p = new_pipe(w, i, to);

	if (h->tried && ways_at(w, i) < h->tried + PAIR_TCP_RETRY_MS)
		ways_fault(w, "n%d calls n%d again after %d ms", i + 1, to + 1, (int)(ways_at(w, i) - h->tried));
	h->tried = ways_at(w, i);
	w->opened++;
	if (!p)
		return;
	p->end[0].id = s->id;
	p->refused = w->tcp[i][to] == TCP_REFUSED;
	p->dead = w->tcp[i][to] == TCP_DEAD;
	p->at = w->now + 2 * w->way[i][to].delay_ms;
	ways_tell(w, "n%d calls n%d%s", i + 1, to + 1, p->refused ? ", in vain" : p->dead ? ", into nothing" : "");
}

static void write_one(struct ways *w, int i, const struct pair_stream *s, struct pipe *p, int end)
{
	struct pipe_end *e = &p->end[end];
	int to = p->end[!end].node;

	e->used = w->now;
	e->waits = true;
	e->drained_at = w->slow_kernel ? 0 : w->now + 1;
	w->beats++;
	if (to != STRANGER) {
		see_sent(w, i, to, LINK_TCP, s->data + PAIR_FRAME_LEN, s->len - PAIR_FRAME_LEN, !e->proven);
		memcpy(w->overheard[i], s->data, s->len);
		w->overheard_len[i] = (uint32_t)s->len;
	}
	if (p->dead || to == STRANGER || !p->end[!end].id)
		return;
	if (e->count == FRAMES_MAX) {
		ways_fault(w, "n%d writes on while nobody reads", i + 1);
		return;
	}
	struct frame *f = &e->way[e->count++];
	f->at = w->now + delay_of(w, p);
	f->len = (uint32_t)s->len;
	memcpy(f->data, s->data, s->len);
	e->sent++;
}

void streams_do(struct ways *w, int i, const struct pair_stream *s)
{
	int end;
	struct pipe *p = pipe_of(w, i, s->id, &end);

	if (s->op == PAIR_STREAM_OPEN) {
		open_one(w, i, s);
	} else if (p && s->op == PAIR_STREAM_SEND) {
		write_one(w, i, s, p, end);
	} else if (p) {
		judge_close(w, p, end, i);
		ways_tell(w, "n%d closes its connection with n%d", i + 1, p->end[!end].node + 1);
		p->end[end].since = w->now;
		shut(w, p, end);
	}
}

/* ---- what comes ---- */

static uint64_t awake(const struct ways *w, int i, uint64_t at)
{
	return i != STRANGER && w->node[i].awake_from > at ? w->node[i].awake_from : at;
}

/* When something happens on it, and at which end; end 2: it opens, or ends. */
static uint64_t next_of(const struct ways *w, const struct pipe *p, int *what)
{
	uint64_t at = UINT64_MAX;

	if (!p->used)
		return at;
	for (int end = 0; end < 2; end++) {
		const struct pipe_end *e = &p->end[end];
		if (e->count && is_alive(w, &p->end[!end]) && awake(w, p->end[!end].node, e->way[0].at) < at)
			at = awake(w, p->end[!end].node, e->way[0].at), *what = end;
		if (e->drained_at && e->count <= FRAMES_MAX / 4 && is_alive(w, e) && awake(w, e->node, e->drained_at) < at)
			at = awake(w, e->node, e->drained_at), *what = 3 + end;
	}
	if (p->at && !(p->dead && !p->refused)) {
		uint64_t when = p->open ? awake(w, p->end[p->end[0].id == 0].node, p->at) : awake(w, p->end[1].node, awake(w, p->end[0].node, p->at));
		if (when < at)
			at = when, *what = 2;
	}
	return at;
}

static void tell_end(struct ways *w, struct pipe *p, int end)
{
	struct pipe_end e = p->end[end];

	p->used = false;
	if (!is_alive(w, &e))
		return;
	pair_stream_end(w->node[e.node].p, e.id, ways_at(w, e.node));
	ways_drain(w, e.node);
}

static void open_pipe(struct ways *w, struct pipe *p)
{
	int from = p->end[0].node, to = p->end[1].node;
	struct addr of = from == STRANGER ? (struct addr){ .family = 4, .ip = { 198, 51, 100, (uint8_t)ways_below(w, 250) }, .port = 999 } : ways_address(from);

	p->at = 0;
	if (p->refused || !w->node[to].p) {
		tell_end(w, p, 0);
		return;
	}
	of.port = (uint16_t)(40000 + (p - w->pipes));
	p->open = true;
	p->end[1].id = PAIR_STREAM_ACCEPTED | ++w->accepted;
	p->end[0].since = p->end[1].since = p->end[0].used = p->end[1].used = w->now;
	pair_stream_accept(w->node[to].p, p->end[1].id, &of, ways_at(w, to));
	ways_drain(w, to);
	if (p->used && from != STRANGER && is_alive(w, &p->end[0])) {
		pair_stream_open(w->node[from].p, p->end[0].id, ways_at(w, from));
		ways_drain(w, from);
	}
}

/* One packet, cut as it likes. */
static void read_one(struct ways *w, struct pipe *p, int end)
{
	struct pipe_end *from = &p->end[end], *e = &p->end[!end];
	struct frame f = from->way[0];
	struct pair *node = w->node[e->node].p;
	struct before before = see_before(w, e->node, from->node);
	uint64_t counted = see_counted(w, e->node);
	uint32_t id = e->id, cut = 1 + ways_below(w, f.len - 1);

	memmove(from->way, from->way + 1, --from->count * sizeof f);
	pair_stream_receive(node, id, f.data, cut, ways_at(w, e->node), WAYS_WALL_MS + w->now + (uint64_t)w->node[e->node].wall);
	pair_stream_receive(node, id, f.data + cut, f.len - cut, ways_at(w, e->node), WAYS_WALL_MS + w->now + (uint64_t)w->node[e->node].wall);
	e->used = w->now;
	if (see_counted(w, e->node) == counted + 1) {
		e->proven = true;
		if (from->node != STRANGER)
			see_taken(w, e->node, from->node, LINK_TCP, f.data + PAIR_FRAME_LEN, f.len - PAIR_FRAME_LEN, &before);
	} else if (!e->proven) {
		e->fed++;
	}
	ways_drain(w, e->node);
	if (p->used && e->id == id && !e->proven && e->fed >= PAIR_STREAM_FRAMES)
		ways_fault(w, "n%d still reads what proved nothing with %d packets", e->node + 1, e->fed);
	if (p->used && w->slow_kernel && from->count == 0 && from->id)
		from->drained_at = w->now;
}

bool streams_step(struct ways *w)
{
	uint64_t best = UINT64_MAX;
	struct pipe *p = NULL;
	int what = 0;

	for (size_t k = 0; k < PIPES_MAX; k++) {
		int of = 0;
		uint64_t at = next_of(w, &w->pipes[k], &of);
		if (at < best)
			best = at, p = &w->pipes[k], what = of;
	}
	if (!p || best > w->now)
		return false;
	if (what < 2) {
		read_one(w, p, what);
	} else if (what == 2 && !p->open) {
		open_pipe(w, p);
	} else if (what == 2) {
		tell_end(w, p, p->end[0].id == 0);
	} else {
		struct pipe_end *e = &p->end[what - 3];
		e->drained_at = 0;
		e->waits = false;
		e->used = w->now;
		pair_stream_drained(w->node[e->node].p, e->id, ways_at(w, e->node));
		ways_drain(w, e->node);
	}
	return true;
}

uint64_t streams_next(const struct ways *w)
{
	uint64_t at = UINT64_MAX;
	int what;

	for (size_t k = 0; k < PIPES_MAX; k++) {
		uint64_t of = next_of(w, &w->pipes[k], &what);
		at = of < at ? of : at;
	}
	return at;
}

void streams_call(struct ways *w, int to, const uint8_t *said, uint32_t len, unsigned times)
{
	struct pipe *p = new_pipe(w, STRANGER, to);

	if (!p)
		return;
	p->at = w->now + 1;
	p->end[0].id = 1;
	for (unsigned k = 0; k < times && len; k++) {
		struct frame *f = &p->end[0].way[p->end[0].count++];
		f->at = w->now + 200 + 5 * k; /* who is faster than the network could be the node itself */
		f->len = len;
		memcpy(f->data, said, len);
	}
}

/* ---- how long ---- */

void streams_judge(struct ways *w, int i)
{
	unsigned strangers = 0;

	for (size_t k = 0; k < PIPES_MAX; k++) {
		const struct pipe *p = &w->pipes[k];
		for (int end = 0; p->used && end < 2; end++) {
			const struct pipe_end *e = &p->end[end];
			if (e->node != i || !e->id)
				continue;
			strangers += p->end[!end].node == STRANGER;
			if (!e->proven && w->now > e->since + PAIR_STREAM_PROVE_MS + SLACK_MS)
				ways_fault(w, "n%d keeps a connection that proved nothing for %d ms", i + 1, (int)(w->now - e->since));
			if (e->proven && w->now > e->used + PAIR_STREAM_IDLE_MS + SLACK_MS)
				ways_fault(w, "n%d keeps an idle connection", i + 1);
			if (e->proven && e->waits && w->now > e->used + PAIR_STREAM_STALL_MS + SLACK_MS)
				ways_fault(w, "n%d keeps a connection that nobody reads", i + 1);
		}
	}
	if (strangers > PAIR_STREAM_STRANGERS)
		ways_fault(w, "n%d has %u strangers", i + 1, strangers);
}
