/* A pair under hostile octets: raw packets, and plaintexts that are sealed with the right key, as a peer gone mad
 * would.
 *
 *     input: frames of  mode u8 | len u16 | octets
 *     mode   0 raw packet   1 plaintext, sealed   2 the same, bound to this boot and session   3 time passes (len ms)
 *            4 octets of a connection   5, 6 as 1 and 2, on a connection   7 as 3
 *            + 8 an indirect probe, + 16 a bye, + 32 from node 3 (else 2), of which both tell as relays do
 *            + 64 under the other key, + 128 the last 8 octets are its counter too
 */
#include <string.h>
#include "pair/state.h"
#include "tests/fuzz/fuzz.h"

#define BOOT "\0\0\0\0\0\0\0\x64" /* ours: 100 */
#define FIXED(entries) \
	BOOT "\0\0\0\x09\0\0\0\1" \
	     "\0\0\0\0\0\1\0\0" \
	     "\0\0\0\0\0\0\0\5" \
	     "\0\0\0\0\0\0\0\0" \
	     "\0\0\0\1" \
	     "\0\0\x03\xe8" \
	     "\0\0\0\1" \
	     "\0\xc8" \
	     "\1\1" \
	     "\2\3\0" entries "\0\0\0\3"
#define ENTRY(id, seq) id "\0\0\1" "\0\0\0\x09\0\0\0\1" "\0\0\0\0\0\0\0" seq
#define DELTA_HEAD(len, count, to) \
	"\0\1\0" len "\2\0\0" count "\0\0\0\x09\0\0\0\1" \
	"\0\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\0" to "\0\0\0\0\0\0\0\1"
#define RECORD(seq, key) "\1\2\0\0" "\0\0\0" seq "\0\0\0\0\0\0\0" key "up"
#define PULL "\0\2\0\x18" "\1\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\6" "\0\0\0\0\0\0\0\7"
#define PING3(type) "\0" type "\0\x10" "\3\2\0\0" "\0\0\3\xe8" "\0\0\0\0\0\0\0\7"
#define DELTA3 "\0\1\0\x36" "\3\0\0\1" "\0\0\0\x09\0\0\0\1" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\1" "\0\0\0\0\0\0\0\1" RECORD("\1", "\7")
#define PING(type) "\0" type "\0\x10" "\1\2\0\0" "\0\0\3\xe8" "\0\0\0\0\0\0\0\7"
#define COUNTER(last) "\0\x20\0\x08" "\xff\xff\xff\xff\xff\xff\xff" last /* in a TLV that nobody knows */
#define FRAME2(len, body) "\2\0" len body

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED(FRAME2("\x40", FIXED("\0"))),
	FUZZ_SEED(FRAME2("\x68", FIXED("\2") ENTRY("\2", "\2") ENTRY("\1", "\1")) FRAME2("\x40", FIXED("\0"))),
	FUZZ_SEED(FRAME2("\xa0", FIXED("\1") ENTRY("\2", "\2") DELTA_HEAD("\x48", "\2", "\2") RECORD("\1", "\7")
					 RECORD("\2", "\x08"))),
	FUZZ_SEED(FRAME2("\xa0", FIXED("\1") ENTRY("\2", "\2") DELTA_HEAD("\x48", "\2", "\2") RECORD("\1", "\7")
					 RECORD("\2", "\x08")) "\3\1\0" FRAME2("\x5c", FIXED("\0") PULL) "\3\x07\xd0"),
	FUZZ_SEED("\6\0\x40" FIXED("\0") "\6\0\x5c" FIXED("\0") PULL "\7\x20\0" FRAME2("\x40", FIXED("\0"))),
	FUZZ_SEED("\4\0\3\0\x98G" "\4\0\2\0\0" "\6\0\x40" FIXED("\0")),
	FUZZ_SEED(FRAME2("\x40", FIXED("\0")) "\x0a\0\x54" FIXED("\0") PING("\3") "\x0e\0\x54" FIXED("\0") PING("\4")
		  "\x12\0\x40" FIXED("\0") FRAME2("\x40", FIXED("\0"))),
	FUZZ_SEED(FRAME2("\x40", FIXED("\0")) "\x22\0\x40" FIXED("\0") FRAME2("\xa2", FIXED("\2") ENTRY("\3", "\1") ENTRY("\2", "\1") DELTA3)
		  "\x0a\0\x54" FIXED("\0") PING3("\3") "\x2a\0\x54" FIXED("\0") PING3("\4")),
	FUZZ_SEED("\x26\0\x40" FIXED("\0") "\6\0\x40" FIXED("\0") "\7\x20\0" "\x32\0\x40" FIXED("\0")),
	FUZZ_SEED("\1\0\x40" FIXED("\0")),
	FUZZ_SEED(FRAME2("\x40", FIXED("\0")) "\x82\0\x4c" FIXED("\0") COUNTER("\xf0") "\x82\0\x4c" FIXED("\0") COUNTER("\xff")
		  "\xc2\0\x4c" FIXED("\0") COUNTER("\x80") "\x42\0\x40" FIXED("\0")),
	FUZZ_SEED("\0\0\x70"
		  "GEML\1\1\0\0\2\1\0\x40\1\2\3\4\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\1" FIXED("\0") "0123456789abcdef"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

#define WALL 1700000000000u
#define PEERS 2 /* nodes 2 and 3 */

struct rig {
	struct pair *p;
	struct seal_keys keys[PAIR_KEYS_MAX][PEERS][LINK_WAYS]; /* of the peers */
	uint32_t stream[PEERS], accepted;
	uint64_t now_ms, counter;
};

static struct addr address(uint8_t node)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, node }, .port = 5400 };
}

static void rig_init(struct rig *g)
{
	struct pair_peer_conf peers[PEERS] = { { 2, { address(2) }, 1 }, { 3, { address(3), address(4) }, 1 } };
	struct pair_conf c = {
		.self_id = 1, .cluster = "fuzz", .key = "fuzz", .other_key = "other", .has_other = true, .interval_ms = 200, .peers = peers, .peer_count = PEERS
	};

	*g = (struct rig){ .now_ms = 5000, .counter = 0 };
	FUZZ_REQUIRE(pair_new(&g->p, &c, 100, (uint64_t)1 << 32, g->now_ms, WALL) == 0);
	FUZZ_REQUIRE(pair_write(g->p, PAIR_VERDICT, 1, "up", 2, g->now_ms) == 0);
	for (uint8_t i = 0; i < PEERS; i++) {
		for (int k = 0; k < PAIR_KEYS_MAX; k++) {
			const uint8_t *key = k ? c.other_key : c.key;
			seal_keys_derive(&g->keys[k][i][LINK_UDP], key, SEAL_UDP, (uint8_t)(i + 2), 1);
			seal_keys_derive(&g->keys[k][i][LINK_TCP], key, SEAL_TCP, (uint8_t)(i + 2), 1);
		}
	}
}

static void check_shelf(const struct shelf *s)
{
	uint64_t last = 0, digest = 0;
	size_t n = 0;

	for (const struct shelf_record *r = s->current.first; r; r = r->order.next, n++) {
		FUZZ_REQUIRE(r->r.epoch == s->vector.epoch && r->r.seq >= last);
		FUZZ_REQUIRE(r->order.next || s->current.last == r);
		last = r->r.seq;
		digest ^= r->digest[0];
	}
	for (const struct shelf_record *r = s->old.first; r; r = r->order.next)
		n++;
	FUZZ_REQUIRE(n == s->index.count && digest == s->digest[0]);
}

static void drain(struct rig *g)
{
	uint8_t out[PAIR_PACKET_MAX];
	struct pair_record r;
	struct pair_event e;
	struct pair_stream s;
	struct addr to;
	size_t len;
	int n = 0;

	while (pair_next_change(g->p, &r))
		FUZZ_REQUIRE(r.owner == 2 || r.owner == 3);
	while (pair_next_event(g->p, &e))
		FUZZ_REQUIRE(e.type != PAIR_EVENT_NONE);
	if (pair_wants_epoch(g->p)) {
		pair_set_epoch(g->p, pair_wants_epoch(g->p) | 1, g->p->boot + 1, g->now_ms);
		FUZZ_REQUIRE(pair_wants_epoch(g->p) == 0);
	}
	while (pair_next_packet(g->p, &to, out, &len, g->now_ms, WALL + g->now_ms - 5000))
		FUZZ_REQUIRE(len <= PAIR_PACKET_MAX && (to.ip[3] == 2 || to.ip[3] == 3) && ++n < 80); /* two bursts, and errands */
	while (pair_next_stream(g->p, &s, g->now_ms, WALL + g->now_ms - 5000)) {
		FUZZ_REQUIRE(s.op != PAIR_STREAM_NONE && s.len <= sizeof s.data && ++n < 200);
		if (s.op == PAIR_STREAM_SEND)
			pair_stream_drained(g->p, s.id, g->now_ms);
	}
	check_shelf(&g->p->shelves[0]);
	check_shelf(&g->p->shelves[1]);
	check_shelf(&g->p->shelves[2]);
	const struct pair_record *own = pair_find(g->p, 1, PAIR_VERDICT, 1);
	FUZZ_REQUIRE(own && own->value_len == 2 && memcmp(own->value, "up", 2) == 0); /* nobody else writes our shelf */
}

static void give_packet(struct rig *g, uint8_t peer, const uint8_t *data, size_t len)
{
	struct addr from = address((uint8_t)(peer + 2));
	uint64_t seq = g->p->shelves[1].vector.seq + g->p->shelves[2].vector.seq, refused;
	uint64_t heard = g->p->peers[0].link.heard_ms + g->p->peers[1].link.heard_ms;
	const struct pair_stats *s = pair_stats_get(g->p);

#define REFUSED \
	(s->refused_short + s->refused_header + s->refused_version + s->refused_unknown_peer + s->refused_auth + s->refused_flood + \
	 s->refused_format + s->refused_session + s->refused_replay + s->hellos)
	refused = REFUSED;
	int e = pair_receive(g->p, &from, data, len, g->now_ms, WALL + g->now_ms - 5000);
	FUZZ_REQUIRE(REFUSED == refused + (e < 0));
	FUZZ_REQUIRE(e == 0 || (g->p->shelves[1].vector.seq + g->p->shelves[2].vector.seq == seq &&
				g->p->peers[0].link.heard_ms + g->p->peers[1].link.heard_ms == heard));
}

/* On a connection that is there as long as the pair lets it. */
static void give_octets(struct rig *g, uint8_t peer, const uint8_t *data, size_t len)
{
	struct addr from = address((uint8_t)(peer + 2));

	if (!pair_stream_find(g->p, g->stream[peer])) {
		g->stream[peer] = PAIR_STREAM_ACCEPTED | ++g->accepted;
		pair_stream_accept(g->p, g->stream[peer], &from, g->now_ms);
	}
	uint64_t counted = g->p->stats.received;
	pair_stream_receive(g->p, g->stream[peer], data, len, g->now_ms, WALL + g->now_ms - 5000);
	/* No packet hides in fewer octets than one has, but for one that began before. */
	FUZZ_REQUIRE(g->p->stats.received - counted <= 1 + len / (PAIR_FRAME_LEN + PAIR_HEADER_LEN + PAIR_TAG_LEN));
}

static void give_plain(struct rig *g, const uint8_t *data, size_t len, uint8_t mode)
{
	bool bound = mode % 4 == 2, stream = mode & 4;
	uint8_t peer = mode >> 5 & 1, key = mode >> 6 & 1;
	uint8_t plain[PAIR_PLAIN_MAX], packet[PAIR_FRAME_LEN + PAIR_PACKET_MAX], *at = packet + PAIR_FRAME_LEN;
	struct pair_header h = { .version = 1,
				 .type = mode & 16 ? PAIR_TYPE_BYE : mode & 8 ? PAIR_TYPE_PROBE : PAIR_TYPE_BEAT,
				 .flags = stream ? PAIR_FLAG_TCP : 0,
				 .key_id = g->p->key_ids[key],
				 .src = (uint8_t)(peer + 2),
				 .dst = 1,
				 .cluster = g->p->cluster,
				 .boot = 7,
				 .counter = ++g->counter };

	len = len > sizeof plain ? sizeof plain : len;
	memcpy(plain, data, len);
	if (mode & 128 && len >= 8) /* a peer gone mad counts as it likes */
		h.counter = load_u64(plain + len - 8);
	if (bound && len >= 8)
		store_u64(plain, g->p->boot);
	const struct session *session = &g->p->peers[peer].session;
	if (bound && session->boot && len >= 16 && plain[15] & 1) {
		store_u64(plain + 8, session->epoch);
		h.boot = session->boot;
	} else if (len >= 16) {
		h.boot = 7 + load_u64(plain + 8); /* another epoch is another start */
	}
	if (h.boot == 0)
		return;
	len = seal_packet(at, &h, plain, len, g->keys[key][peer][stream ? LINK_TCP : LINK_UDP].send);
	store_u16(packet, (uint16_t)len);
	if (stream)
		give_octets(g, peer, packet, len + PAIR_FRAME_LEN);
	else
		give_packet(g, peer, at, len);
}

static void give_time(struct rig *g, size_t ms)
{
	g->now_ms += ms;
	pair_tick(g->p, g->now_ms, WALL + g->now_ms - 5000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf r;
	struct rig g;

	rig_init(&g);
	rbuf_init(&r, data, len);
	while (rbuf_left(&r) > 0) {
		uint8_t mode = get_u8(&r);
		size_t n = get_u16(&r);
		if (r.failed)
			break;
		if (mode % 4 == 3) {
			give_time(&g, n);
			drain(&g);
			continue;
		}
		n = n > rbuf_left(&r) ? rbuf_left(&r) : n;
		const uint8_t *body = get_bytes(&r, n);
		if (mode % 4 != 0)
			give_plain(&g, body, n, mode);
		else if (mode & 4)
			give_octets(&g, mode >> 5 & 1, body, n);
		else
			give_packet(&g, mode >> 5 & 1, body, n);
		drain(&g);
	}
	pair_free(g.p);
	return 0;
}
