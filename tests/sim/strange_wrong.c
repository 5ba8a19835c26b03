/* Packets of who has the key, with one thing wrong: a peer with a bug, or a later version of it. Behind an honest heartbeat
 * stands an interval of two records that would be taken, were all else well:
 *
 *     DELTA (4) | owner flags count epoch from to base (36) | kind length 0 offset key value (24) | the same (24)
 *     0           4     5     6     8     16   24  32         40   41     42 44     48  56         64  65 … 68
 *
 * What is refused is refused as a whole: whatever can be seen of the node, and what it says, is as it was before. What
 * is skipped leaves the rest of the packet as it is.
 */
#include <stddef.h>
#include <stdio.h>
#include "base/hash.h"
#include "sim/strange.h"

#define EXTRA_LEN 88

enum part {
	HEAD = 1, /* octets of the header, before the seal */
	FIXED,    /* of the plaintext */
	EXTRA,    /* of the interval */
	CUT,      /* the end of the plaintext is missing */
	SHUT,     /* after the seal: octets at the end, or as many less */
	FLIP      /* after the seal: a bit of that octet, counted from the end */
};
#define COUNTS(member) offsetof(struct pair_stats, refused_##member)

static const struct wrong {
	const char *name;
	enum part part;
	uint16_t at;
	uint8_t width;
	uint64_t value;
	int err;
	size_t counter;
	bool stays; /* ERR_VERSION of a heartbeat: the link says so */
} wrongs[] = {
	{ "another magic", HEAD, 0, 4, 0x47454d4d, ERR_FORMAT, COUNTS(header), false },
	{ "an earlier version", HEAD, 4, 1, 0, ERR_VERSION, COUNTS(version), false },
	{ "a later version", HEAD, 4, 1, 2, ERR_VERSION, COUNTS(version), false },
	{ "no type", HEAD, 5, 1, 0, ERR_FORMAT, COUNTS(header), false },
	{ "a type that is reserved", HEAD, 5, 1, 2, ERR_FORMAT, COUNTS(header), false },
	{ "a type of a later version", HEAD, 5, 1, 9, ERR_FORMAT, COUNTS(header), false },
	{ "a key that nobody has", HEAD, 6, 1, 0, ERR_AUTH, COUNTS(auth), false },
	{ "a flag of a later version", HEAD, 7, 1, 2, ERR_FORMAT, COUNTS(header), false },
	{ "for a connection, by a datagram", HEAD, 7, 1, 1, ERR_FORMAT, COUNTS(header), false },
	{ "of a node that is no peer", HEAD, 8, 1, 77, ERR_ABSENT, COUNTS(unknown_peer), false },
	{ "for another node", HEAD, 9, 1, 78, ERR_ABSENT, COUNTS(unknown_peer), false },
	{ "longer than it is", HEAD, 10, 2, 1100, ERR_FORMAT, COUNTS(header), false },
	{ "shorter than it is", HEAD, 10, 2, 64, ERR_FORMAT, COUNTS(header), false },
	{ "of another cluster", HEAD, 12, 4, 4711, ERR_FORMAT, COUNTS(header), false },
	{ "of no boot", HEAD, 16, 8, 0, ERR_FORMAT, COUNTS(header), false },
	{ "of no counter", HEAD, 24, 8, 0, ERR_FORMAT, COUNTS(header), false },
	{ "of no epoch", FIXED, 8, 8, 0, ERR_FORMAT, COUNTS(format), false },
	{ "versions upside down", FIXED, 54, 1, 2, ERR_FORMAT, COUNTS(format), false },
	{ "later versions only", FIXED, 54, 2, 0x0203, ERR_VERSION, COUNTS(version), true },
	{ "earlier versions only", FIXED, 54, 2, 0x0000, ERR_VERSION, COUNTS(version), true },
	{ "more entries than fit", FIXED, 59, 1, 255, ERR_SHORT, COUNTS(format), false },
	{ "what must be understood, and is not", EXTRA, 0, 2, 0x8077, ERR_VERSION, COUNTS(version), false },
	{ "one octet more than there is", EXTRA, 2, 2, EXTRA_LEN - 3, ERR_FORMAT, COUNTS(format), false },
	{ "an interval that ends amid its head", EXTRA, 2, 2, 30, ERR_FORMAT, COUNTS(format), false },
	{ "a pull that is too short", EXTRA, 0, 4, 0x00020008, ERR_FORMAT, COUNTS(format), false },
	{ "a ping that is too short", EXTRA, 0, 4, 0x00030008, ERR_FORMAT, COUNTS(format), false },
	{ "a record more than there is", EXTRA, 6, 2, 3, ERR_FORMAT, COUNTS(format), false },
	{ "a record fewer than there are", EXTRA, 6, 2, 1, ERR_FORMAT, COUNTS(format), false },
	{ "no records, and there are", EXTRA, 6, 2, 0, ERR_FORMAT, COUNTS(format), false },
	{ "an interval of no epoch", EXTRA, 8, 8, 0, ERR_FORMAT, COUNTS(format), false },
	{ "an interval that ends before its records", EXTRA, 24, 8, 0, ERR_FORMAT, COUNTS(format), false },
	{ "a record of no kind", EXTRA, 40, 1, 0, ERR_FORMAT, COUNTS(format), false },
	{ "a value longer than the packet", EXTRA, 65, 1, 9, ERR_FORMAT, COUNTS(format), false },
	{ "a record before its interval", EXTRA, 44, 4, 0, ERR_FORMAT, COUNTS(format), false },
	{ "a record twice", EXTRA, 68, 4, 1, ERR_FORMAT, COUNTS(format), false },
	{ "a record behind its interval", EXTRA, 68, 4, 9, ERR_FORMAT, COUNTS(format), false },
	{ "cut amid a value", CUT, 3, 0, 0, ERR_FORMAT, COUNTS(format), false },
	{ "cut amid the fixed part", CUT, 0xffff, 0, 0, ERR_SHORT, COUNTS(format), false },
	{ "an octet behind the tag", SHUT, 1, 0, 0, ERR_FORMAT, COUNTS(header), false },
	{ "many octets behind the tag", SHUT, 40, 0, 0, ERR_FORMAT, COUNTS(header), false },
	{ "longer than any packet", SHUT, 0xffff, 0, 0, ERR_FORMAT, COUNTS(header), false },
	{ "another tag", FLIP, 1, 0, 0, ERR_AUTH, COUNTS(auth), false },
	{ "another text", FLIP, 20, 0, 0, ERR_AUTH, COUNTS(auth), false },
};
#define WRONGS (sizeof wrongs / sizeof *wrongs)

static void store(uint8_t *at, uint8_t width, uint64_t value)
{
	while (width-- > 0) {
		at[width] = (uint8_t)value;
		value >>= 8;
	}
}

/* Two records of `owner` that nobody wrote, in the interval that would come next. */
static void put_poison(struct letter *l, uint8_t owner, uint64_t epoch, uint64_t from)
{
	uint8_t *at = letter_room(l, EXTRA_LEN);

	store_u16(at, TLV_DELTA);
	store_u16(at + 2, EXTRA_LEN - 4);
	at[4] = owner;
	store_u16(at + 6, 2);
	store_u64(at + 8, epoch);
	store_u64(at + 16, from);
	store_u64(at + 24, from + 2);
	store_u64(at + 32, 1);
	for (uint8_t i = 0; i < 2; i++) {
		uint8_t *r = at + 40 + 24 * i;
		r[0] = PAIR_VERDICT;
		r[1] = 8;
		store_u32(r + 4, i + 1u);
		store_u64(r + 8, i);
		store_u64(r + 16, POISON | i);
	}
}

static void spoil(struct letter *l, const struct wrong *k)
{
	if (k->part == HEAD)
		store(l->head + k->at, k->width, k->value);
	if (k->part == FIXED)
		store(l->plain + k->at, k->width, k->value);
	if (k->part == EXTRA)
		store(l->plain + l->extra + k->at, k->width, k->value);
	if (k->part == CUT)
		l->text = k->at < l->text ? l->text - k->at : 40;
}

static void spoil_sealed(struct letter *l, const struct wrong *k)
{
	if (k->part == FLIP)
		l->data[l->len - k->at] ^= 4;
	if (k->part == SHUT) {
		size_t more = k->at == 0xffff ? PAIR_PACKET_MAX + 1 - l->len : k->at;
		memset(l->data + l->len, 0x5a, more);
		l->len += more;
	}
}

/* ---- what can be seen ---- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return hash_mix(sum ^ 0x9e3779b97f4a7c15u, value + 0x632be59bd9b4e019u) + sum;
}

static uint64_t look_at(uint64_t sum, const struct pair_peer_view *v)
{
	const uint64_t seen[] = { v->link, v->self, v->since_ms, v->heard_ms, v->echo_ms, v->suspect_ms, v->rtt_us, v->echo_mean_ms,
				  v->echo_dev_ms, v->interval_ms, v->loss_permille, v->epoch, v->boot, v->seq, v->config_digest,
				  (uint64_t)v->clock_offset_ms, v->key_id, v->key_since_ms, v->shelves_equal, v->left, v->lhm, v->stream };
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
		sum = mix(sum, seen[i]);
	return sum;
}

uint64_t look(const struct world *w)
{
	uint64_t sum = mix(pair_epoch(w->p), pair_wants_epoch(w->p)), records = 0;

	sum = mix(mix(mix(sum, pair_lhm(w->p)), (uint64_t)pair_self(w->p)), pair_hlc_seen(w->p));
	for (size_t i = 0; i < w->peers; i++) {
		struct pair_peer_view v;
		pair_peer_get(w->p, i, &v, w->now);
		sum = look_at(mix(sum, pair_is_fresh(w->p, w->peer[i].id, w->now)), &v);
	}
	for (unsigned kind = 0; kind < 9; kind++) {
		size_t pos = 0;
		for (const struct pair_record *r; (r = pair_walk(w->p, (enum pair_kind)kind, &pos));)
			records += mix(mix(mix(mix(r->owner, kind), r->key), mix(r->epoch, r->seq)), load_u64(r->value));
	}
	return mix(sum, records);
}

/* Of the counters only these: that it came, its octets, and why it was refused. */
static void judge_counters(struct world *w, const struct pair_stats *was, size_t counter)
{
	const uint64_t *a = (const uint64_t *)was, *b = (const uint64_t *)pair_stats_get(w->p);

	for (size_t i = 0; i < sizeof *was / sizeof *a; i++) {
		size_t at = i * sizeof *a;
		if (at == counter)
			REQUIRE(w, b[i] == a[i] + 1, "it is refused for another reason");
		else if (at != offsetof(struct pair_stats, received) && at != offsetof(struct pair_stats, bytes_received))
			REQUIRE(w, b[i] == a[i], "a refused packet is counted as something else, too");
	}
}

/* ---- sent ---- */

static void send_refused(struct world *w, struct puppet *e)
{
	const struct wrong *k = &wrongs[below(w, WRONGS)];
	struct letter l = letter_write(w, e, BY_UDP);
	/* (what comes from a peer's address, and nobody can read, is a hint: send_hints) */
	struct addr from = from_anywhere(w, e, k->err == ERR_VERSION || k->err == ERR_AUTH ? 100 : 50);
	const struct pair_stats was = *pair_stats_get(w->p);
	char text[120];

	if (k->stays && e->in_boot != e->boot)
		return;
	put_poison(&l, e->id, e->epoch, e->seq);
	spoil(&l, k);
	letter_seal(e, &l);
	spoil_sealed(&l, k);
	if (!gate_opens(w, &from) || ((k->err == ERR_VERSION || k->err == ERR_AUTH) && from.ip[1] != 1))
		return;
	say(w, "%u sends: %s", e->id, k->name);
	uint64_t before = look(w);
	int got = pair_receive(w->p, &from, l.data, l.len, w->now, wall(w));
	snprintf(text, sizeof text, "not refused as it should be: %s", k->name);
	REQUIRE(w, got == k->err, text);
	judge_counters(w, &was, k->counter);
	if (k->stays) { /* authentic, and of this session: its number is used, and the link tells why it does not count */
		struct pair_peer_view v;
		pair_peer_get(w->p, (size_t)(e - w->peer), &v, w->now);
		REQUIRE(w, v.link == PAIR_INCOMPATIBLE, "versions have nothing in common, and the link does not say it");
		e->highest = l.counter;
		e->seen[l.counter % COUNTERS_MAX] = true;
	} else {
		snprintf(text, sizeof text, "refused, and something changed: %s", k->name);
		REQUIRE(w, look(w) == before, text);
		if (k->counter == COUNTS(format) || k->counter == COUNTS(auth) || k->part == EXTRA)
			gate_pays(w, &from);
	}
	drain(w);
	snprintf(text, sizeof text, "refused, and answered: %s", k->name);
	REQUIRE(w, w->sent == 0, text);
	settle_views(w);
}

/* From > to is wrong, with nothing in it to tell. */
static void send_backwards(struct world *w, struct puppet *e)
{
	struct letter l = letter_write(w, e, BY_UDP);

	put_poison(&l, e->id, e->epoch, e->seq + 2);
	store_u64(l.plain + l.extra + 24, e->seq);
	store_u16(l.plain + l.extra + 2, TLV_DELTA_LEN);
	store_u16(l.plain + l.extra + 6, 0);
	l.text = l.extra + TLV_HEAD_LEN + TLV_DELTA_LEN;
	letter_seal(e, &l);
	uint64_t before = look(w);
	if (!gate_opens(w, &e->addr[0]))
		return;
	say(w, "%u sends: an interval that goes backwards", e->id);
	int got = pair_receive(w->p, &e->addr[0], l.data, l.len, w->now, wall(w));
	REQUIRE(w, got == ERR_FORMAT, "an interval goes backwards, and is taken");
	REQUIRE(w, look(w) == before, "an interval goes backwards, and something changed");
	gate_pays(w, &e->addr[0]);
	drain(w);
}

/* The packet counts, and this does not. */
static void send_skipped(struct world *w, struct puppet *e)
{
	struct letter l = letter_write(w, e, BY_UDP);
	unsigned which = (unsigned)below(w, 5);

	if (which == 0) /* the node's own shelf, which only it writes: now, or in an epoch to come */
		put_poison(&l, SELF, w->epoch + (chance(w, 30) ? (uint64_t)1 << 32 : 0),
			   e->knows.epoch == w->epoch ? e->knows.seq : below(w, 30));
	else if (which == 1) /* of nobody */
		put_poison(&l, 99, e->epoch, 1);
	else /* of another peer, from its epochs that are over: vectors cover them */
		put_poison(&l, e->id, 1, below(w, 3));
	if (which >= 3) { /* of a later version */
		store_u16(l.plain + l.extra, (uint16_t)(5 + below(w, 0x7000)));
		store_u16(l.plain + l.extra + 6, (uint16_t)below(w, 0xffff));
	}
	letter_seal(e, &l);
	say(w, "%u sends what is to be skipped: %u", e->id, which);
	letter_send(w, e, &l, &e->addr[0], 0);
	settle_views(w);
}

void send_wrong(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];

	if (e->counter + 2 >= COUNTERS_MAX)
		return;
	if (chance(w, 20))
		send_skipped(w, e);
	else if (chance(w, 6))
		send_backwards(w, e);
	else
		send_refused(w, e);
}
