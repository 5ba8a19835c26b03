/* What the core takes from others: a plan's bytes (edited from a good one), a journal's records, a twin's values, an operator's
 * words, and the sets between processes.  The first octet of the input chooses. */
#include <stdlib.h>
#include "base/addr.h"
#include "core/core.h"
#include "core/replay.h"
#include "core/state.h"
#include "ipc/ipc.h"
#include "lib/plan_make.h"
#include "tests/fuzz/fuzz.h"

#define KEY_OF_NOTHING "\0\0\0\0\0\0\0\1"
#define STAMP "\0\0\1\x8b\xcf\xe5\x68\0"
#define TIME "\0\0\1\x8b\xcf\xe5\x68\x01"

#define VERDICT(v) v "\0\2\x64" "\0\0\0\0\0\0\0\7" "\0\0\1\0" "\0\0\0\1"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("P\0\x20\xff\0\x40\x01"),
	FUZZ_SEED("R\1" KEY_OF_NOTHING "\2\3\0\2" "\0\0\0\0\0\0\0\7" TIME "\1\1\2" STAMP),
	FUZZ_SEED("R\2\1\2" STAMP TIME "\0\x0a" "127.0.0.11" "\0\5alice" "\0\7because"),
	FUZZ_SEED("R\3\0\0\0\0\0\7\3www\1t\0\0\2\x7f\0\0\x0b\x7f\0\0\x0c"),
	FUZZ_SEED("R\6\0\0\0\1" KEY_OF_NOTHING "\1\x64\1\0\0\0\4" TIME "\0\0\1\x8b\xcf\xe5\x70\x01"),
	FUZZ_SEED("J" "\0\0\1\1\x64\1\0\4\0\0\x03\xe8" "\1\0\1\3\0\1\0\3\0\0\x0f\xa0" "\0\0\2\1\x64\0\0\1\0\0\x4e\x20"),
	FUZZ_SEED("V\2\0\2\x64" "\0\0\0\0\0\0\0\7" "\0\0\1\0" "\0\0\0\1"),
	FUZZ_SEED("E\2" STAMP),
	FUZZ_SEED("A\2" STAMP "\0\0\0\0\0\0\x10\0" "\x0a" "127.0.0.11" "\5alice" "\7because"),
	FUZZ_SEED("T" "\1\0\x14" VERDICT("\2") "\1\1\x14" VERDICT("\1") "\2\3\x09" "\2" STAMP),
	FUZZ_SEED("T" "\3\x09\x26" "\2" STAMP "\0\0\0\0\0\0\x10\0" "\x0a" "127.0.0.11" "\5alice" "\7because" "\3\x09\0"),
	FUZZ_SEED("T" "\4\6\3" "\1\1\7" "\4\7\1" "\1" "\6\6\x08" "12345678" "\6\x0a\x08" "12345678" "\5\6\2" "??"),
	FUZZ_SEED("T" "\7\x06\x30" "\0\0\0\0\0\0\0\1" TIME "\5" "\x09" "192.0.2.1" "\2up" "\4down" "\5check" "\x06" "silent"),
	FUZZ_SEED("C\2www.t/127.0.0.11"),
	FUZZ_SEED("C\4*.T."),
	FUZZ_SEED("S\0\1\0\1\0\7\3www\1t\0\0\0\0\x1e\1\0\0\0\0\0\1\x7f\0\0\1\0\1"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

static const char *const text = "pair any-up\ncheck web\nservice www.t web 127.0.0.11@ams1 127.0.0.12 / ::13 all_down=last\n";

static struct core *new_core(const struct plan **plan)
{
	static struct plan *p; /* nobody writes to it */
	struct core *c;
	struct core_start s = { .boot = 5, .epoch = (uint64_t)1 << 32, .seed = 3 };
	if (!p)
		p = plan_make(text, 0);
	s.plan = *plan = p;
	FUZZ_REQUIRE(core_new(&c, &s, 1000, 1700000000000) == 0);
	return c;
}

static void live_a_little(struct core *c)
{
	struct core_event e = { .type = CORE_TIMER };
	struct core_effect f;
	for (uint64_t now = 1000; now < 3000; now += 500) {
		FUZZ_REQUIRE(core_step(c, &e, now, 1700000000000 + now) == 0);
		while (core_next_effect(c, &f))
			;
	}
}

/* Octets in threes: where (two), what. */
static void try_plan(const uint8_t *data, size_t len)
{
	struct bytes good, again;
	struct plan *p = plan_make(text, 1), *q = NULL;
	bytes_init(&good, 1 << 20);
	bytes_init(&again, 1 << 20);
	FUZZ_REQUIRE(plan_encode(&good, p) == 0);
	for (; len >= 3; data += 3, len -= 3)
		good.data[load_u16(data) % good.len] = data[2];
	if (plan_decode(&q, good.data, good.len) == 0) {
		FUZZ_REQUIRE(plan_encode(&again, q) == 0);
		FUZZ_REQUIRE(again.len == good.len && memcmp(again.data, good.data, good.len) == 0);
	}
	plan_free(q);
	plan_free(p);
	bytes_deinit(&good);
	bytes_deinit(&again);
}

static void try_record(const uint8_t *data, size_t len)
{
	const struct plan *p;
	struct core *c = new_core(&p);
	int e = core_recover(c, data, len, 1000, 1700000000000);
	FUZZ_REQUIRE(e == 0 || e == ERR_FORMAT);
	live_a_little(c);
	core_free(c);
}

/* Stretches of 12 octets: which stream, session 2, reason, weight, open, -, count, duration 2. */
static void try_journal(const uint8_t *data, size_t len)
{
	uint8_t record[64];
	struct replay *r;
	const struct core_notice *n;
	struct plan *p = plan_make(text, 0);
	uint64_t at = 1000, last = 0;
	FUZZ_REQUIRE(replay_new(&r, p) == 0);
	for (; len >= 12; data += 12, len -= 12) {
		struct core_stretch s = { .key = data[0] < p->stream_count ? p->streams[data[0]].key : data[0], .session = load_u16(data + 1),
					  .reason = data[3], .weight_pct = data[4], .open = data[5], .count = data[7],
					  .first_ms = at, .last_ms = at + load_u16(data + 8) };
		struct wbuf w;
		wbuf_init(&w, record, sizeof record);
		stretch_encode(&w, &s);
		record[15] = data[5]; /* open, not only as a bool */
		FUZZ_REQUIRE(!w.failed && replay_add(r, record, w.len) == 0);
		FUZZ_REQUIRE(replay_add(r, data, len) == 0); /* and what is none */
		at += load_u16(data + 8) / 2;
	}
	int e = replay_begin(r);
	FUZZ_REQUIRE(e == 0 || e == ERR_ABSENT || e == ERR_RANGE);
	for (int i = 0; e == 0 && i < 1000 && replay_next(r, &n) == 1; i++) {
		FUZZ_REQUIRE(n->wall_ms >= last);
		last = n->wall_ms;
	}
	replay_free(r);
	plan_free(p);
}

static void try_value(uint8_t kind, const uint8_t *data, size_t len)
{
	struct pair_record r = { .owner = 2, .value_len = (uint8_t)(len < 255 ? len : 255), .value = data };
	enum health_verdict v;
	bool recovered;
	uint8_t weight, out[PAIR_VALUE_MAX];
	struct hold h;
	struct reg reg, reg2;
	char selector[CORE_SELECTOR_MAX];
	if (kind == 'V' && value_verdict_get(&r, &v, &recovered, &weight))
		FUZZ_REQUIRE(v <= HEALTH_VERDICT_DOWN && weight <= 100);
	if (kind == 'E' && value_effective_get(&r, &h))
		FUZZ_REQUIRE(h.state <= HEALTH_VERDICT_DOWN);
	if (kind != 'A' || !value_admin_get(&r, selector, &reg, 1000))
		return;
	FUZZ_REQUIRE(reg.verb >= CORE_VERB_AUTO && reg.verb <= CORE_VERB_DRAIN && strlen(selector) < CORE_SELECTOR_MAX);
	r.value_len = (uint8_t)value_admin_put(out, selector, &reg, 1000);
	r.value = out;
	FUZZ_REQUIRE(value_admin_get(&r, selector, &reg2, 1000) && reg2.hlc == reg.hlc && reg2.verb == reg.verb);
}

/* ---- a twin that writes what it likes on its shelf ---- */

#define WALL 1700000000000u
#define TWIN_KEYS 12

struct twins {
	const struct plan *plan;
	struct core *core;
	struct pair *twin;
	uint64_t now_ms;
};

static uint64_t key_of(const struct twins *t, uint8_t choice)
{
	const struct gen *g = t->core->gen;
	const struct stream *s = &g->streams[choice % t->plan->stream_count];
	switch (choice % TWIN_KEYS) {
	case 0:
	case 1:
	case 2:
		return s->conf->key;
	case 3:
	case 4:
	case 5:
		return stream_effective_key(g, s, 1);
	case 9:
		return choice; /* of nothing that we know */
	default:
		return choice % TWIN_KEYS - 5; /* parts, nodes, numbers: all small */
	}
}

static void step_twin(struct twins *t, const struct core_event *e)
{
	const struct addr *ours = &t->plan->nodes[0].peer[0];
	struct core_effect f;
	FUZZ_REQUIRE(core_step(t->core, e, t->now_ms, WALL + t->now_ms) == 0);
	while (core_next_effect(t->core, &f)) {
		if (f.type == CORE_SEND && pair_receive(t->twin, ours, f.send.data, f.send.len, t->now_ms, WALL + t->now_ms))
			continue; /* sent again */
		if (f.type == CORE_NOTICE)
			FUZZ_REQUIRE(strlen(f.notice.what->reason) < NOTICE_REASON_MAX && strlen(f.notice.what->subject) < NOTICE_SUBJECT_MAX);
		if (f.type == CORE_PUBLISH && f.publish.ready)
			FUZZ_REQUIRE(f.publish.ttl_s > 0);
	}
}

static void talk(struct twins *t, unsigned steps)
{
	uint8_t packet[PAIR_PACKET_MAX];
	struct core_event e = { .type = CORE_PACKET, .packet = { .from = t->plan->nodes[1].peer[0], .data = packet } };
	struct pair_record r;
	struct addr to;
	for (; steps > 0; steps--, t->now_ms += 50) {
		step_twin(t, &(struct core_event){ .type = CORE_TIMER });
		pair_tick(t->twin, t->now_ms, WALL + t->now_ms);
		while (pair_next_change(t->twin, &r))
			;
		while (pair_next_packet(t->twin, &to, packet, &e.packet.len, t->now_ms, WALL + t->now_ms))
			step_twin(t, &e);
	}
}

static void look_at_all(const struct core *c)
{
	struct core_agreement a;
	struct core_difference d;
	struct core_target_view first;
	uint8_t ids[PAIR_KEYS_MAX];
	char shown[256];
	core_agreement_get(c, 2, &a);
	FUZZ_REQUIRE(a.alike <= a.common && a.common <= a.targets);
	if (core_difference_get(c, 2, &d))
		FUZZ_REQUIRE(core_difference_text(&d, shown, sizeof shown) == shown);
	FUZZ_REQUIRE(core_peer_keys(c, 2, ids) <= PAIR_KEYS_MAX);
	FUZZ_REQUIRE(core_disputed(c, &first) <= core_targets(c));
}

/* Frames: kind, key, length, value; of length 0 a removal. */
static void try_twin(const uint8_t *data, size_t len)
{
	struct twins t = { .now_ms = 1000 };
	t.core = new_core(&t.plan);
	const struct plan_node *n = t.plan->nodes;
	struct pair_peer_conf peer = { .id = n[0].id, .addr = { n[0].peer[0] }, .addr_count = 1 };
	struct pair_conf conf = { .self_id = n[1].id, .cluster = t.plan->pair.name, .interval_ms = t.plan->pair.interval_ms, .peers = &peer, .peer_count = 1 };
	memcpy(conf.key, t.plan->pair.key, sizeof conf.key);
	FUZZ_REQUIRE(pair_new(&t.twin, &conf, 7, (uint64_t)7 << 32 | 1, t.now_ms, WALL + t.now_ms) == 0);
	talk(&t, 6);
	for (; len >= 3; data += 3, len -= 3) {
		size_t most = data[2] < len - 3 ? data[2] : len - 3;
		int e = pair_write(t.twin, (enum pair_kind)data[0], key_of(&t, data[1]), data + 3, most, t.now_ms);
		FUZZ_REQUIRE(e == 0 || data[0] == 0);
		data += most;
		len -= most;
	}
	talk(&t, 6);
	look_at_all(t.core);
	pair_free(t.twin);
	core_free(t.core);
}

static void try_command(const uint8_t *data, size_t len)
{
	const struct plan *p;
	struct core *c = new_core(&p);
	struct core_event e = { .type = CORE_COMMAND };
	struct core_effect f;
	live_a_little(c);
	e.command.verb = (enum core_verb)(len ? data[0] : 0);
	e.command.force = true;
	for (size_t i = 1; i < len && i < CORE_SELECTOR_MAX; i++) /* not even ended by a NUL where it is long */
		e.command.selector[i - 1] = (char)data[i];
	FUZZ_REQUIRE(core_step(c, &e, 4000, 1700000004000) == 0);
	bool answered = false;
	while (core_next_effect(c, &f))
		answered |= f.type == CORE_REPLY || (f.type == CORE_JOURNAL && f.journal.sync);
	FUZZ_REQUIRE(answered);
	e = (struct core_event){ .type = CORE_SYNCED };
	e.synced.seq = UINT64_MAX;
	FUZZ_REQUIRE(core_step(c, &e, 4001, 1700000004001) == 0);
	core_free(c);
}

static void try_set(const uint8_t *data, size_t len)
{
	struct ipc_set s;
	struct ipc_set_member room[64];
	struct rbuf r;
	uint8_t out[4096];
	struct wbuf w;
	rbuf_init(&r, data, len);
	ipc_set_get(&r, &s, room, 64);
	if (r.failed)
		return;
	wbuf_init(&w, out, sizeof out);
	ipc_set_put(&w, &s);
	FUZZ_REQUIRE(!w.failed && w.len == len + 4 && memcmp(out + 4, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	switch (data[0]) {
	case 'P':
		try_plan(data + 1, len - 1);
		break;
	case 'R':
		try_record(data + 1, len - 1);
		break;
	case 'J':
		try_journal(data + 1, len - 1);
		break;
	case 'C':
		try_command(data + 1, len - 1);
		break;
	case 'T':
		try_twin(data + 1, len - 1);
		break;
	case 'S':
		try_set(data + 1, len - 1);
		break;
	default:
		try_value(data[0], data + 1, len - 1);
	}
	return 0;
}
