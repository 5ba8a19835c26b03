/* Connections, which anybody opens: of strangers four at a time that proved nothing; from a peer's address, which is
 * no proof either, as many as there are peers, and a newer one takes the eldest's place. One connection speaks for one node.
 */
#include "sim/strange.h"

#define STRANGERS 4
#define PROVE_MS 3000
#define FRAMES 4

struct connection *connection_of(struct world *w, uint32_t id)
{
	for (size_t i = 0; i < w->conn_count; i++)
		if (w->conns[i].id == id)
			return &w->conns[i];
	return NULL;
}

void stream_closed(struct world *w, uint32_t id)
{
	struct connection *c = connection_of(w, id);

	REQUIRE(w, !c || c->open, "a connection is closed twice");
	if (c)
		c->open = false;
}

/* Unproven and open, of that sort, since then at the latest. */
static size_t count(const struct world *w, bool known, uint64_t latest_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < w->conn_count; i++) {
		const struct connection *c = &w->conns[i];
		n += c->open && !c->node && c->known == known && c->since_ms <= latest_ms;
	}
	return n;
}

static uint64_t eldest_ms(const struct world *w, bool known)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < w->conn_count; i++) {
		const struct connection *c = &w->conns[i];
		if (c->open && !c->node && c->known == known && c->since_ms < at)
			at = c->since_ms;
	}
	return at;
}

static void connect_from(struct world *w, const struct addr *from, bool known)
{
	uint64_t eldest = eldest_ms(w, known);
	size_t there = count(w, known, w->now), old = count(w, known, eldest), most = known ? w->peers : STRANGERS;

	if (w->conn_count == STREAMS_MAX)
		return;
	struct connection *c = &w->conns[w->conn_count++];
	*c = (struct connection){ .id = PAIR_STREAM_ACCEPTED + (uint32_t)w->conn_count, .from = *from, .known = known, .open = true,
				  .since_ms = w->now };
	say(w, "a connection from %s, %zu are there", known ? "a peer's address" : "a stranger", there);
	pair_stream_accept(w->p, c->id, from, w->now);
	drain(w);
	if (known)
		REQUIRE(w, c->open, "a connection from a peer's address is kept out");
	else
		REQUIRE(w, c->open == (there < most), there < most ? "a stranger is kept out, although there is room" : "too many strangers");
	size_t gone = there + c->open - count(w, known, w->now);
	if (known && there >= most)
		REQUIRE(w, gone == 1 && (eldest == w->now || count(w, known, eldest) == old - 1), "a peer's address fills the table");
	else
		REQUIRE(w, gone == 0, "a connection has to go, although there is room");
}

void connect_some(struct world *w)
{
	size_t n = 1 + below(w, 6);
	bool known = chance(w, 60);

	for (size_t i = 0; i < n && !w->fault; i++) {
		struct puppet *e = &w->peer[below(w, w->peers)];
		struct addr from = known ? e->addr[below(w, e->addr_count)] : stranger(below(w, SOURCES));
		from.port = (uint16_t)(40000 + w->conn_count);
		connect_from(w, &from, known);
		if (chance(w, 30))
			known = !known;
	}
}

/* Of that node another one is proven now: the newer counts. */
static void prove(struct world *w, struct connection *c, uint8_t node)
{
	for (size_t i = 0; i < w->conn_count; i++)
		REQUIRE(w, &w->conns[i] == c || !w->conns[i].open || w->conns[i].node != node, "two connections speak for one node");
	c->node = node;
}

static void say_by(struct world *w, struct connection *c, struct puppet *e, unsigned percent_hellos)
{
	struct letter l;

	if (chance(w, percent_hellos)) {
		l = hello_write(w, e, BY_TCP, e->in_epoch > 1 && chance(w, 30));
	} else {
		l = letter_write(w, e, BY_TCP);
		letter_seal(e, &l);
	}
	enum fate f = fate_of(w, e, &l);
	bool proven = c->node != 0;
	say(w, "%u speaks by connection %zu, which is %s", e->id, (size_t)(c - w->conns), proven ? "proven" : "not proven yet");
	letter_send(w, e, &l, NULL, c->id);
	if (w->fault)
		return;
	if (proven) {
		REQUIRE(w, c->open == (c->node == e->id),
			c->open ? "a connection speaks for several nodes" : "a connection of the node that speaks is closed");
	} else if (f == FATE_TAKEN) {
		REQUIRE(w, c->open, "a connection is closed by what proves it");
		prove(w, c, e->id);
	} else if (++c->stale >= FRAMES) {
		REQUIRE(w, !c->open, "a connection proves nothing, and goes on");
	}
}

/* What is no packet ends it at once, whoever it is. */
static void say_nonsense(struct world *w, struct connection *c, struct puppet *e)
{
	static const char *const names[] = { "another tag", "a length that is too short", "a length that is too long", "a datagram" };
	unsigned which = (unsigned)below(w, 4);
	struct letter l = letter_write(w, e, which == 3 ? BY_UDP : BY_TCP);

	letter_seal(e, &l);
	l.data[l.len - 1] ^= which == 0;
	if (which == 1 || which == 2)
		l.len = which == 1 ? below(w, PAIR_HEADER_LEN + PAIR_TAG_LEN) : PAIR_PACKET_MAX + 1;
	say(w, "%u sends by connection %zu: %s", e->id, (size_t)(c - w->conns), names[which]);
	uint64_t streams = pair_stats_get(w->p)->streams_cut;
	frame_send(w, &l, c->id);
	drain(w);
	REQUIRE(w, !c->open, "a connection brings what is no packet, and goes on");
	REQUIRE(w, pair_stats_get(w->p)->streams_cut == streams + 1, "a connection is cut, and not counted");
}

void talk_by_stream(struct world *w)
{
	struct connection *c = w->conn_count ? &w->conns[w->conn_count - 1 - below(w, w->conn_count < 8 ? w->conn_count : 8)] : NULL;
	struct puppet *e = &w->peer[below(w, w->peers)];

	if (!c || !c->open || e->counter + 8 >= COUNTERS_MAX)
		return;
	if (c->node && chance(w, 60))
		e = &w->peer[c->node - 1];
	if (chance(w, 80)) {
		say_by(w, c, e, 30);
	} else if (chance(w, 30)) { /* nothing that would prove it */
		for (size_t i = 1 + below(w, 6); i > 0 && c->open && !w->fault; i--)
			say_by(w, c, e, 100);
	} else if (chance(w, 60)) {
		say_nonsense(w, c, e);
	} else {
		c->open = false;
		pair_stream_end(w->p, c->id, w->now);
		drain(w);
	}
}

void judge_streams(struct world *w)
{
	for (size_t i = 0; i < w->conn_count; i++)
		REQUIRE(w, !w->conns[i].open || w->conns[i].node || w->now < w->conns[i].since_ms + PROVE_MS,
			"a connection that proved nothing is there for too long");
}
