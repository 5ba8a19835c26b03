/* Which zones twins serve: each node's shelf says it, and who finds that they are others for long raises an alarm.
 *
 *     ZONE  key 0 all of them        value: count 4 | digest 8
 *           else a zone's, by name   value: serial 4 | digest 8 of its content
 *
 *     alike ──others──▶ since now ──CORE_ZONES_PATIENCE_MS──▶ told ──alike──▶ told again
 *             ▲ alike meanwhile │
 *             └─────────────────┘
 *
 * Files reach two machines some seconds apart; that is no alarm. Both answer from what they have all the same. A damaged zone is
 * served by nobody and told by nobody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

#define TOLD_ONE_BY_ONE 10000 /* with more zones than these only all of them are told: which differ is not */
#define ALL_KEY 0
#define VALUE_LEN 12
#define NAMES_TOLD 3 /* in an alarm */

struct told { uint32_t number; uint64_t digest; };

static uint64_t key_of(const char *name)
{
	uint64_t key = pair_name("zone", name, strlen(name));
	return key == ALL_KEY ? ALL_KEY + 1 : key;
}

static int by_key(const void *a, const void *b)
{
	const struct own_zone *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

static const struct own_zone *find(const struct core *c, uint64_t key)
{
	const struct own_zone wanted = { .key = key };
	return c->zones.count ? bsearch(&wanted, c->zones.list, c->zones.count, sizeof wanted, by_key) : NULL;
}

/* ---- ours ---- */

void zones_free(struct own_zones *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->list[i].name);
	free(z->list);
	*z = (struct own_zones){ .list = NULL };
}

static int copy(struct own_zones *to, const struct core_zone *list, size_t count, uint64_t digest)
{
	*to = (struct own_zones){ .told = true, .all = (uint32_t)count, .digest = digest };
	if (count > TOLD_ONE_BY_ONE || count == 0)
		return 0;
	to->list = calloc(count, sizeof *to->list);
	for (; to->list && to->count < count; to->count++) {
		const struct core_zone *from = &list[to->count];
		char *name = strdup(from->name);
		if (!name)
			break;
		to->list[to->count] = (struct own_zone){ key_of(name), name, from->serial, from->digest };
	}
	if (to->count < count) {
		zones_free(to);
		return ERR_NOMEM;
	}
	qsort(to->list, to->count, sizeof *to->list, by_key);
	return 0;
}

static int write_one(struct core *c, uint64_t key, uint32_t number, uint64_t digest)
{
	uint8_t value[VALUE_LEN];
	store_u32(value, number);
	store_u64(value + 4, digest);
	return pair_write(c->pair, PAIR_ZONE, key, value, sizeof value, c->now_ms);
}

/* What was told before of zones that are gone. */
static int forget(struct core *c, const struct own_zones *old)
{
	int e = 0;
	for (size_t i = 0; i < old->count; i++)
		if (!find(c, old->list[i].key))
			e |= pair_write(c->pair, PAIR_ZONE, old->list[i].key, NULL, 0, c->now_ms);
	return e;
}

void zones_tell(struct core *c)
{
	int e = 0;
	if (!c->pair || !c->zones.told)
		return;
	e |= write_one(c, ALL_KEY, c->zones.all, c->zones.digest);
	for (size_t i = 0; i < c->zones.count; i++)
		e |= write_one(c, c->zones.list[i].key, c->zones.list[i].serial, c->zones.list[i].digest);
	c->zones_untold = e == ERR_NOMEM; /* a shelf that is full stays so */
	c->nomem |= c->zones_untold;
	c->zones_moved = true;
}

int zones_take(struct core *c, const struct core_zone *list, size_t count, uint64_t digest)
{
	struct own_zones old = c->zones, new;
	int e = copy(&new, list, count, digest);
	if (e < 0)
		return e;
	c->zones = new;
	zones_tell(c);
	if (c->pair && forget(c, &old) < 0)
		c->nomem = true; /* a zone too many is told of until the next session: no answer rests on it */
	zones_free(&old);
	return 0;
}

/* ---- theirs ---- */

static bool told_by(const struct core *c, uint8_t node, uint64_t key, struct told *out)
{
	const struct pair_record *r = pair_find(c->pair, node, PAIR_ZONE, key);
	if (!r || r->value_len != VALUE_LEN)
		return false;
	*out = (struct told){ load_u32(r->value), load_u64(r->value + 4) };
	return true;
}

static uint32_t count_told(const struct core *c, uint8_t node)
{
	const struct pair_record *r;
	uint32_t n = 0;
	size_t pos = 0;
	while ((r = pair_walk(c->pair, PAIR_ZONE, &pos)))
		n += r->owner == node && r->value_len == VALUE_LEN && r->key != ALL_KEY;
	return n;
}

static void compare(const struct core *c, uint8_t node, struct core_zones_difference *out)
{
	uint32_t there = count_told(c, node), common = 0;
	struct told theirs;
	for (size_t i = 0; i < c->zones.count; i++) {
		const struct own_zone *z = &c->zones.list[i];
		bool has = told_by(c, node, z->key, &theirs);
		common += has;
		if (has && theirs.digest == z->digest)
			continue;
		out->differ += has;
		out->only_here += !has;
		if (out->count < CORE_DIFFERENCE_NAMES)
			out->first[out->count++] = (struct core_zone_differ){ z->name, z->serial, has ? theirs.number : 0, has };
	}
	out->only_there = there - common;
}

enum core_zones_state core_zones_get(const struct core *c, uint8_t node, struct core_zones_difference *out)
{
	struct told theirs;
	*out = (struct core_zones_difference){ 0 };
	if (!c->pair || !c->zones.told || !told_by(c, node, ALL_KEY, &theirs))
		return CORE_ZONES_UNTOLD;
	if (theirs.number == c->zones.all && theirs.digest == c->zones.digest)
		return CORE_ZONES_SAME;
	if (theirs.number <= TOLD_ONE_BY_ONE && c->zones.all <= TOLD_ONE_BY_ONE)
		compare(c, node, out);
	return CORE_ZONES_DIFFER;
}

char *core_zones_text(const struct core_zones_difference *d, char *out, size_t cap)
{
	int n = 0;
	out[0] = '\0';
	if (d->differ + d->only_here + d->only_there > 0)
		n = snprintf(out, cap, "%u differ, %u only here, %u only there", d->differ, d->only_here, d->only_there);
	for (size_t i = 0; i < d->count && i < NAMES_TOLD && n > 0 && (size_t)n < cap; i++) {
		const struct core_zone_differ *z = &d->first[i];
		n += snprintf(out + n, cap - (size_t)n, "%s%s", i ? ", " : ": ", z->name);
		if (z->there && z->ours != z->theirs && (size_t)n < cap)
			n += snprintf(out + n, cap - (size_t)n, " (serial %" PRIu32 ", there %" PRIu32 ")", z->ours, z->theirs);
	}
	return out;
}

static void notice_others(struct core *c, const struct peer *p, const struct core_zones_difference *d)
{
	struct core_notice n = { .kind = CORE_NOTICE_ALARM, .cause = "twin" };
	char which[NOTICE_REASON_MAX - 32];
	core_zones_text(d, which, sizeof which);
	snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, p->id));
	snprintf(n.reason, sizeof n.reason, "the twin serves other zones%s%s", which[0] ? ": " : "", which);
	notice_put(c, &n);
}

static void notice_same(struct core *c, const struct peer *p)
{
	struct core_notice n = { .kind = CORE_NOTICE_NODE, .cause = "twin", .old = "other zones", .new = "same zones",
				 .reason = "it serves the same zones again" };
	snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, p->id));
	notice_put(c, &n);
}

/* Of one who is lost we have only what it said last. */
static void follow(struct core *c, struct peer *p)
{
	struct core_zones_difference d;
	enum core_zones_state state = p->fresh ? core_zones_get(c, p->id, &d) : CORE_ZONES_UNTOLD;
	if (state == CORE_ZONES_SAME && p->zones_told)
		notice_same(c, p);
	if (state == CORE_ZONES_SAME)
		p->zones_told = false;
	if (state != CORE_ZONES_DIFFER)
		p->zones_since_ms = 0;
	else if (!p->zones_since_ms)
		p->zones_since_ms = c->now_ms;
	if (!p->zones_since_ms || p->zones_told)
		return;
	if (p->zones_since_ms + CORE_ZONES_PATIENCE_MS > c->now_ms) {
		uint64_t at_ms = p->zones_since_ms + CORE_ZONES_PATIENCE_MS;
		c->zones_due_ms = at_ms < c->zones_due_ms ? at_ms : c->zones_due_ms;
		return;
	}
	p->zones_told = true;
	notice_others(c, p, &d);
}

void zones_run(struct core *c)
{
	if (c->pair && c->zones_untold)
		zones_tell(c);
	if (!c->zones_moved && c->now_ms < c->zones_due_ms)
		return;
	c->zones_moved = false;
	c->zones_due_ms = UINT64_MAX;
	for (size_t i = 0; c->pair && i < c->peer_count; i++)
		follow(c, &c->peers[i]);
}
