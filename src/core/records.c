/* The typed records of the journal and the values of the shelf.
 *
 *     journal   VERDICT   1 | key 8 | verdict 1 | fails 1 | passes 1 | reason 1 | bitmap 8 | changed wall ms 8 |
 *                         count 1, count × (agree 1 | state 1 | hlc 8) |
 *                         only where one is not as ever: penalty 4 in 1/256 | its wall ms 8 | flags 1 (1 = flapping),
 *                         and only where it is less than 100: weight 1
 *               OVERRIDE  2 | node 1 | verb 1 | hlc 8 | until wall ms 8 (0 = until auto) | selector | author | reason
 *                         (verb 0: the node says nothing of it any more)
 *               LAST      3 | from 2 | family 1 | tier 1 | owner | count 2, count × ip       from 0 begins a set anew
 *               TIER      4 | hold 1 (a family's; 0 where coupled) | tier 1 | hlc 8 | owner
 *               NOTICE    5 | … notice.h
 *               STRETCH   6 | … stretch.h
 *               START     7 | begun wall ms 8 | family 1 | tier 1 | owner | ip       a member's slow start
 *               FRESH     8 | … vouch.c
 *     shelf     VERDICT   verdict 1 | flags 1 (1 = recovered) | reason 1 | weight 1 | bitmap 8 | took us 4 | age s 4 |
 *                         only where probes are shared: flags 1 | alarms 1 | digest 4       share.c
 *               EFFECTIVE state 1 | hlc 8        of a service: tier 1 | hlc 8
 *               ADMIN     verb 1 | hlc 8 | left ms 8 (0 = until auto) | len 1, selector | len 1, author | len 1, reason
 */
#include "core/journal.h"
#include "core/state.h"

#define FLAG_RECOVERED 1
#define FLAG_FLAPPING 1
#define AGE_MAX_S UINT32_MAX
#define ADMIN_HEAD_LEN 20 /* all but the three texts */

void text_clean(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

/* ---- journal: writing ---- */

static uint64_t wall_of(uint64_t at_ms, uint64_t now_ms, uint64_t wall_ms)
{
	uint64_t age = now_ms - at_ms;
	return wall_ms > age ? wall_ms - age : 0;
}

void record_verdict_put(struct wbuf *w, const struct stream *s, uint64_t now_ms, uint64_t wall_ms)
{
	uint8_t count = 0;
	put_u8(w, RECORD_VERDICT);
	put_u64(w, s->conf->key);
	put_u8(w, (uint8_t)s->health.verdict);
	put_u8(w, s->health.fails);
	put_u8(w, s->health.passes);
	put_u8(w, (uint8_t)s->health.last.reason);
	put_u64(w, s->health.bitmap);
	put_u64(w, wall_of(s->health.changed_ms, now_ms, wall_ms));
	for (size_t i = 0; i < CORE_AGREES; i++)
		count = (uint8_t)(count + (s->hold[i].state != HEALTH_VERDICT_UNKNOWN));
	put_u8(w, count);
	for (size_t i = 0; i < CORE_AGREES; i++) {
		if (s->hold[i].state == HEALTH_VERDICT_UNKNOWN)
			continue;
		put_u8(w, (uint8_t)(i + 1));
		put_u8(w, s->hold[i].state);
		put_u64(w, s->hold[i].hlc);
	}
	if (s->health.flap.points == 0 && s->health.weight_pct == 100)
		return;
	put_u32(w, s->health.flap.points);
	put_u64(w, wall_of(s->health.flap.since_ms, now_ms, wall_ms));
	put_u8(w, s->health.flap.on ? FLAG_FLAPPING : 0);
	if (s->health.weight_pct < 100)
		put_u8(w, s->health.weight_pct);
}

void record_override_put(struct wbuf *w, const char *selector, const struct reg *r, uint64_t now_ms)
{
	put_u8(w, RECORD_OVERRIDE);
	put_u8(w, r->node);
	put_u8(w, r->verb);
	put_u64(w, r->hlc);
	put_u64(w, r->until_wall);
	put_str(w, selector);
	put_str(w, r->author);
	put_str(w, r->reason);
	if (r->until_wall)
		put_u64(w, r->until_ms > now_ms ? r->until_ms - now_ms : 0);
}

size_t record_last_put(struct wbuf *w, const struct service *s, int family, size_t from)
{
	const struct policy_answer *a = &s->last[family];
	size_t ip_len = family ? 16 : 4, n = a->count - from;
	put_u8(w, RECORD_LAST);
	put_u16(w, (uint16_t)from);
	put_u8(w, (uint8_t)family);
	put_u8(w, (uint8_t)a->tier);
	put_block(w, s->conf->owner, name_len(s->conf->owner));
	if (w->failed)
		return a->count;
	if (n > (w->cap - w->len - 2) / ip_len)
		n = (w->cap - w->len - 2) / ip_len;
	put_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		put_bytes(w, s->conf->policy.members[a->member[from + i]].addr.ip, ip_len);
	return from + n;
}

void record_tier_put(struct wbuf *w, const struct service *s, int h)
{
	put_u8(w, RECORD_TIER);
	put_u8(w, (uint8_t)h);
	put_u8(w, (uint8_t)s->hold[h].tier);
	put_u64(w, s->hold[h].hlc);
	put_block(w, s->conf->owner, name_len(s->conf->owner));
}

void record_start_put(struct wbuf *w, const struct service *s, size_t member, uint64_t now_ms, uint64_t wall_ms)
{
	const struct policy_member *m = &s->conf->policy.members[member];
	put_u8(w, RECORD_START);
	put_u64(w, wall_of(s->members[member].start_ms, now_ms, wall_ms));
	put_u8(w, m->addr.family == 6);
	put_u8(w, m->tier);
	put_block(w, s->conf->owner, name_len(s->conf->owner));
	put_bytes(w, m->addr.ip, m->addr.family == 6 ? 16 : 4);
}

/* ---- journal: reading ---- */

static uint64_t age_of(const struct core *c, uint64_t wall)
{
	return c->wall_ms > wall ? c->wall_ms - wall : 0;
}

/* What follows the holds of a verdict's record, where anything does. */
struct extras { uint32_t points; uint64_t flap_wall; uint8_t flags, weight; };

static struct extras extras_get(struct rbuf *r)
{
	struct extras x = { .weight = 100 };
	if (!r->failed && rbuf_left(r)) {
		x.points = get_u32(r);
		x.flap_wall = get_u64(r);
		x.flags = get_u8(r);
	}
	if (!r->failed && rbuf_left(r))
		x.weight = get_u8(r);
	return x;
}

static int verdict_take(struct core *c, struct rbuf *r)
{
	struct stream *s = gen_stream(c->gen, get_u64(r));
	uint8_t verdict = get_u8(r);
	get_u16(r); /* what was counted then is for people who read the file: we count anew */
	uint8_t reason = get_u8(r);
	uint64_t bitmap = get_u64(r), wall = get_u64(r);
	struct hold hold[CORE_AGREES] = { 0 };
	for (uint8_t n = get_u8(r); n > 0 && !r->failed; n--) {
		uint8_t agree = get_u8(r), state = get_u8(r);
		uint64_t hlc = get_u64(r);
		if (agree < 1 || agree > CORE_AGREES || state > HEALTH_VERDICT_DOWN)
			return ERR_FORMAT;
		hold[agree - 1] = (struct hold){ .state = state, .hlc = hlc };
		core_absorb(c, hlc);
	}
	struct extras x = extras_get(r);
	if (r->failed || rbuf_left(r) || verdict > HEALTH_VERDICT_DOWN || reason >= HEALTH_REASON_MAX || x.weight < 1 || x.weight > 100)
		return ERR_FORMAT;
	if (!s)
		return 0; /* no longer configured */
	health_state_recover(&s->health, (enum health_verdict)verdict, bitmap, c->now_ms - age_of(c, wall), c->now_ms);
	health_flap_recover(&s->health.flap, &s->conf->timing.flap, x.points, x.flags & FLAG_FLAPPING, age_of(c, x.flap_wall), c->now_ms);
	s->health.weight_pct = x.weight;
	s->kept_weight = x.weight;
	for (size_t i = 0; i < CORE_AGREES; i++)
		hold[i].weight = x.weight;
	s->health.last.reason = (enum health_reason)reason;
	s->vouched = false;
	memcpy(s->hold, hold, sizeof hold);
	round_leave(c, s);
	return 0;
}

static int override_take(struct core *c, struct rbuf *r)
{
	char selector[CORE_SELECTOR_MAX];
	uint64_t most_ms = UINT64_MAX, left_ms;
	struct reg reg = { 0 };
	reg.node = get_u8(r);
	reg.verb = get_u8(r);
	reg.hlc = get_u64(r);
	reg.until_wall = get_u64(r);
	get_str(r, selector, sizeof selector);
	get_str(r, reg.author, sizeof reg.author);
	get_str(r, reg.reason, sizeof reg.reason);
	if (!r->failed && rbuf_left(r)) /* journals of old do not have it */
		most_ms = get_u64(r);
	if (r->failed || rbuf_left(r) || reg.verb > CORE_VERB_DRAIN || !selector_canonical(selector))
		return ERR_FORMAT;
	if (reg.verb == CORE_VERB_NONE) {
		struct override *gone = override_find(c, selector);
		if (gone)
			override_drop(c, gone, reg.node);
		return 0;
	}
	text_clean(reg.author);
	text_clean(reg.reason);
	/* Only wall time outlives us: an expiry that passed meanwhile is at once over. Where the clock was put back unseen, since we died
	 * first, no more is left than there was when this was written. */
	left_ms = reg.until_wall > c->wall_ms ? reg.until_wall - c->wall_ms : 0;
	if (reg.until_wall && left_ms <= most_ms)
		reg.until_ms = c->now_ms + left_ms;
	else if (reg.until_wall) {
		reg.until_ms = c->now_ms + most_ms;
		reg.until_wall = c->wall_ms + most_ms;
		c->put_back = true;
	}
	struct override *o = override_get(c, selector);
	if (!o)
		return ERR_NOMEM;
	override_set(c, o, &reg);
	return 0;
}

static int member_at(const struct service *s, int family, uint8_t tier, const uint8_t *ip)
{
	for (int i = 0; i < s->conf->policy.member_count; i++) {
		const struct policy_member *m = &s->conf->policy.members[i];
		if (m->tier == tier && (m->addr.family == 6) == family && memcmp(m->addr.ip, ip, family ? 16 : 4) == 0)
			return i;
	}
	return ERR_ABSENT;
}

static bool holds(const struct policy_answer *a, int member)
{
	for (size_t k = 0; k < a->count; k++) {
		if (a->member[k] == member)
			return true;
	}
	return false;
}

static struct service *service_of_owner(const struct core *c, const uint8_t *owner, size_t len)
{
	char text[NAME_TEXT_MAX];
	if (!owner || name_check(owner, len) != (int)len)
		return NULL;
	name_format(owner, text);
	return gen_service(c->gen, text, strlen(text));
}

static int last_take(struct core *c, struct rbuf *r)
{
	size_t owner_len, count, from = get_u16(r);
	uint8_t family = get_u8(r), tier = get_u8(r);
	const uint8_t *owner = get_block(r, &owner_len);
	count = get_u16(r);
	if (r->failed || family > 1 || tier >= POLICY_TIERS_MAX || rbuf_left(r) != count * (family ? 16 : 4))
		return ERR_FORMAT;
	struct service *s = service_of_owner(c, owner, owner_len);
	if (!s || !s->last[family].member)
		return 0;
	struct policy_answer *a = &s->last[family];
	if (from == 0)
		a->count = 0;
	a->rule = POLICY_RULE_TIER;
	a->tier = (int8_t)tier;
	for (size_t k = 0; k < count; k++) {
		int i = member_at(s, family, tier, get_bytes(r, family ? 16 : 4));
		if (i >= 0 && !holds(a, i)) /* each once, so that a set never outgrows its members */
			a->member[a->count++] = (uint16_t)i;
	}
	return 0;
}

static int tier_take(struct core *c, struct rbuf *r)
{
	size_t owner_len;
	uint8_t h = get_u8(r), tier = get_u8(r);
	uint64_t hlc = get_u64(r);
	const uint8_t *owner = get_block(r, &owner_len);
	if (r->failed || rbuf_left(r) || h >= CORE_FAMILIES || tier >= POLICY_TIERS_MAX)
		return ERR_FORMAT;
	struct service *s = service_of_owner(c, owner, owner_len);
	if (s)
		failback_recover(c, s, h, tier, hlc);
	return 0;
}

static int start_take(struct core *c, struct rbuf *r)
{
	size_t owner_len;
	uint64_t begun_wall = get_u64(r);
	uint8_t family = get_u8(r), tier = get_u8(r);
	const uint8_t *owner = get_block(r, &owner_len);
	if (r->failed || family > 1 || tier >= POLICY_TIERS_MAX || rbuf_left(r) != (family ? 16u : 4u))
		return ERR_FORMAT;
	struct service *s = service_of_owner(c, owner, owner_len);
	int i = s ? member_at(s, family, tier, get_bytes(r, family ? 16 : 4)) : ERR_ABSENT;
	if (i >= 0)
		slow_recover(c, s, (size_t)i, begun_wall);
	return 0;
}

int record_take(struct core *c, const uint8_t *record, size_t len)
{
	struct rbuf r;
	rbuf_init(&r, record, len);
	switch (get_u8(&r)) {
	case RECORD_VERDICT:
		return verdict_take(c, &r);
	case RECORD_OVERRIDE:
		return override_take(c, &r);
	case RECORD_LAST:
		return last_take(c, &r);
	case RECORD_TIER:
		return tier_take(c, &r);
	case RECORD_NOTICE:
		return history_take(c, &r);
	case RECORD_STRETCH:
		return stretches_take(c, &r);
	case RECORD_START:
		return start_take(c, &r);
	case RECORD_FRESH:
		return vouch_take(c, &r);
	default:
		return ERR_FORMAT;
	}
}

/* ---- shelf ---- */

size_t value_verdict_put(uint8_t out[PAIR_VALUE_MAX], const struct stream *s, uint64_t now_ms)
{
	struct wbuf w;
	uint64_t age_s = (now_ms - s->health.changed_ms) / 1000;
	wbuf_init(&w, out, PAIR_VALUE_MAX);
	put_u8(&w, (uint8_t)s->health.verdict);
	put_u8(&w, stream_is_memory(s) ? FLAG_RECOVERED : 0);
	put_u8(&w, (uint8_t)s->health.last.reason);
	put_u8(&w, s->health.weight_pct);
	put_u64(&w, s->health.bitmap);
	put_u32(&w, s->health.last.took_us);
	put_u32(&w, age_s < AGE_MAX_S ? (uint32_t)age_s : AGE_MAX_S);
	return w.len + share_value_put(out + w.len, &s->share);
}

bool value_verdict_get(const struct pair_record *p, enum health_verdict *v, bool *recovered, uint8_t *weight)
{
	struct rbuf r;
	rbuf_init(&r, p->value, p->value_len);
	uint8_t verdict = get_u8(&r), flags = get_u8(&r);
	get_u8(&r);
	uint8_t pct = get_u8(&r);
	if (r.failed || verdict > HEALTH_VERDICT_DOWN)
		return false;
	*v = (enum health_verdict)verdict;
	*recovered = flags & FLAG_RECOVERED;
	*weight = pct < 100 ? pct : 100;
	return true;
}

enum health_reason value_verdict_reason(const struct pair_record *p)
{
	return p->value_len > 2 && p->value[2] < HEALTH_REASON_MAX ? (enum health_reason)p->value[2] : HEALTH_REASON_NONE;
}

size_t value_effective_put(uint8_t out[PAIR_VALUE_MAX], const struct hold *h)
{
	out[0] = h->state;
	store_u64(out + 1, h->hlc);
	return 9;
}

bool value_effective_get(const struct pair_record *p, struct hold *h)
{
	if (p->value_len < 9 || p->value[0] > HEALTH_VERDICT_DOWN)
		return false;
	h->state = p->value[0];
	h->hlc = load_u64(p->value + 1);
	return true;
}

size_t value_tier_put(uint8_t out[PAIR_VALUE_MAX], const struct tier_hold *h)
{
	out[0] = (uint8_t)h->tier;
	store_u64(out + 1, h->hlc);
	return 9;
}

bool value_tier_get(const struct pair_record *p, uint8_t *tier, uint64_t *hlc)
{
	if (p->value_len < 9 || p->value[0] >= POLICY_TIERS_MAX)
		return false;
	*tier = p->value[0];
	*hlc = load_u64(p->value + 1);
	return true;
}

static void put_short(struct wbuf *w, const char *s, size_t max)
{
	size_t n = strlen(s);
	if (n > max) /* cut before the character that does not fit whole (UTF-8 goes on with 10xxxxxx) */
		for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	put_u8(w, (uint8_t)n);
	put_bytes(w, s, n);
}

size_t value_admin_put(uint8_t out[PAIR_VALUE_MAX], const char *selector, const struct reg *r, uint64_t now_ms)
{
	struct wbuf w;
	uint64_t left_ms = 0;
	size_t fixed = ADMIN_HEAD_LEN + strlen(selector) + strlen(r->author);
	if (r->until_ms)
		left_ms = r->until_ms > now_ms ? r->until_ms - now_ms : 1;
	wbuf_init(&w, out, PAIR_VALUE_MAX);
	put_u8(&w, r->verb);
	put_u64(&w, r->hlc);
	put_u64(&w, left_ms);
	put_short(&w, selector, CORE_SELECTOR_MAX - 1);
	put_short(&w, r->author, CORE_AUTHOR_MAX - 1);
	put_short(&w, r->reason, PAIR_VALUE_MAX - fixed); /* of a long selector's reason the end is lost on the wire */
	return w.len;
}

static void get_short(struct rbuf *r, char *out, size_t cap)
{
	size_t n = get_u8(r);
	const uint8_t *p = get_bytes(r, n);
	if (!p || n >= cap || memchr(p, 0, n)) {
		r->failed = true;
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
	text_clean(out);
}

bool value_admin_get(const struct pair_record *p, char selector[CORE_SELECTOR_MAX], struct reg *out, uint64_t now_ms)
{
	struct rbuf r;
	struct reg reg = { .node = p->owner };
	rbuf_init(&r, p->value, p->value_len);
	reg.verb = get_u8(&r);
	reg.hlc = get_u64(&r);
	uint64_t left_ms = get_u64(&r);
	get_short(&r, selector, CORE_SELECTOR_MAX);
	get_short(&r, reg.author, sizeof reg.author);
	get_short(&r, reg.reason, sizeof reg.reason);
	if (r.failed || reg.verb == CORE_VERB_NONE || reg.verb > CORE_VERB_DRAIN || !selector_canonical(selector))
		return false;
	if (left_ms && __builtin_add_overflow(now_ms, left_ms, &reg.until_ms))
		reg.until_ms = 0;
	*out = reg;
	return true;
}
