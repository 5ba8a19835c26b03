/* What twins have in common, and how they tell: each node's shelf says what its configuration is made of, and which keys it has.
 *
 *     CONFIG  key 1–4 a part (enum plan_part), else a service's (the hash of its owner)     value: digest 8
 *     NODE    key 1                                             value: form 1 | count 1 | count × key id, the first is sent
 *
 * Twins with different files share what means the same on both: the verdicts of targets that both probe, whatever else differs;
 * the tier that a service holds on to only where that service is alike; and what operators said. They answer all the same.
 */
#include <stdio.h>
#include "core/state.h"

#define SERVICES_MAX 20000 /* with more than these, services are told in one number: which of them differ is not */
#define NODE_KEY 1
#define NODE_FORM 1
#define NAMES_TOLD 3 /* in an alarm */

static uint64_t key_of(const struct plan_service *s)
{
	uint64_t key = pair_name("service", s->owner, name_len(s->owner));
	return key < PLAN_PARTS ? key + PLAN_PARTS : key;
}

/* ---- telling ---- */

static int write_digest(struct core *c, uint64_t key, uint64_t digest)
{
	uint8_t value[8];
	store_u64(value, digest);
	return pair_write(c->pair, PAIR_CONFIG, key, value, sizeof value, c->now_ms);
}

static int write_keys(struct core *c)
{
	uint8_t value[2 + PAIR_KEYS_MAX] = { NODE_FORM };
	value[1] = (uint8_t)pair_key_ids(c->pair, value + 2);
	return pair_write(c->pair, PAIR_NODE, NODE_KEY, value, 2u + value[1], c->now_ms);
}

static bool tells_services(const struct plan *p)
{
	return p->service_count <= SERVICES_MAX;
}

/* What the plan before this one said of services that are gone. */
static int forget_services(struct core *c, const struct plan *old)
{
	int e = 0;
	for (uint32_t i = 0; tells_services(old) && i < old->service_count; i++) {
		const struct plan_service *s = &old->services[i];
		if (!tells_services(c->gen->plan) || !gen_service(c->gen, s->name, strlen(s->name)))
			e |= pair_write(c->pair, PAIR_CONFIG, key_of(s), NULL, 0, c->now_ms);
	}
	return e;
}

void common_tell(struct core *c, const struct plan *old)
{
	const struct plan *p = c->gen->plan;
	int e = write_keys(c);
	for (enum plan_part part = PLAN_PART_PAIR; part < PLAN_PARTS; part++)
		e |= write_digest(c, part, plan_part_digest(p, part));
	for (uint32_t i = 0; tells_services(p) && i < p->service_count; i++)
		e |= write_digest(c, key_of(&p->services[i]), plan_service_digest(p, &p->services[i]));
	if (old)
		e |= forget_services(c, old);
	c->common_untold = e < 0;
	c->nomem |= e < 0;
}

/* ---- hearing ---- */

static bool digest_get(const struct core *c, uint8_t node, uint64_t key, uint64_t *out)
{
	const struct pair_record *r = pair_find(c->pair, node, PAIR_CONFIG, key);
	if (!r || r->value_len != 8)
		return false;
	*out = load_u64(r->value);
	return true;
}

bool common_service(const struct core *c, uint8_t node, const struct plan_service *s)
{
	uint64_t theirs;
	/* One that tells nothing of it is of an earlier version, or has too many. */
	return !digest_get(c, node, key_of(s), &theirs) || theirs == plan_service_digest(c->gen->plan, s);
}

/* How many services the node tells of. */
static uint32_t count_services(const struct core *c, uint8_t node)
{
	const struct pair_record *r;
	uint32_t n = 0;
	size_t pos = 0;
	while ((r = pair_walk(c->pair, PAIR_CONFIG, &pos)))
		n += r->owner == node && r->value_len && r->key >= PLAN_PARTS;
	return n;
}

static void compare_services(const struct core *c, uint8_t node, struct core_difference *out)
{
	const struct plan *p = c->gen->plan;
	uint32_t there = count_services(c, node), common = 0;
	if (!tells_services(p) || (there == 0 && p->service_count > 0))
		return; /* one of both does not say more */
	for (uint32_t i = 0; i < p->service_count; i++) {
		uint64_t theirs;
		bool has = digest_get(c, node, key_of(&p->services[i]), &theirs);
		common += has;
		if (has && theirs == plan_service_digest(p, &p->services[i]))
			continue;
		out->differ += has;
		out->only_here += !has;
		if (out->name_count < CORE_DIFFERENCE_NAMES)
			out->names[out->name_count++] = p->services[i].name;
	}
	out->only_there = there - common;
}

bool core_difference_get(const struct core *c, uint8_t node, struct core_difference *out)
{
	uint64_t theirs;
	*out = (struct core_difference){ 0 };
	if (!c->pair)
		return false;
	for (enum plan_part part = PLAN_PART_PAIR; part < PLAN_PARTS; part++)
		if (digest_get(c, node, part, &theirs) && theirs != plan_part_digest(c->gen->plan, part))
			out->parts |= 1u << part;
	if (out->parts & 1u << PLAN_PART_SERVICES)
		compare_services(c, node, out);
	return out->parts != 0;
}

static size_t add(char *out, size_t cap, size_t len, const char *sep, const char *text)
{
	int n = len < cap ? snprintf(out + len, cap - len, "%s%s", len ? sep : "", text) : 0;
	return n < 0 ? len : len + (size_t)n;
}

char *core_difference_text(const struct core_difference *d, char *out, size_t cap)
{
	char text[96];
	size_t len = 0;
	out[0] = 0;
	for (enum plan_part part = PLAN_PART_PAIR; part < PLAN_PART_SERVICES; part++)
		if (d->parts & 1u << part)
			len = add(out, cap, len, ", ", plan_part_text(part));
	if (!(d->parts & 1u << PLAN_PART_SERVICES))
		return out;
	snprintf(text, sizeof text, "services (%u differ, %u only here, %u only there)", d->differ, d->only_here, d->only_there);
	bool told = d->differ + d->only_here + d->only_there > 0;
	len = add(out, cap, len, ", ", told ? text : "services");
	for (size_t i = 0; i < d->name_count && i < NAMES_TOLD; i++) {
		len = add(out, cap, len, i ? ", " : ": ", d->names[i]);
	}
	return out;
}

void common_follow(struct core *c, struct peer *p, const struct pair_peer_view *v)
{
	struct core_difference d;
	char what[128];
	if (!v->shelves_equal || v->config_digest == p->digest_told)
		return; /* what it tells of its parts must be here */
	bool differs = v->config_digest != c->gen->plan->digest, differed = p->differed;
	p->digest_told = v->config_digest;
	p->differed = differs;
	if (differs) {
		struct core_notice n = { .kind = CORE_NOTICE_ALARM, .cause = "twin" };
		(void)core_difference_get(c, p->id, &d);
		snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, p->id));
		snprintf(n.reason, sizeof n.reason, "the twin's configuration differs%s%s", d.parts ? ": " : "",
			 core_difference_text(&d, what, sizeof what));
		notice_put(c, &n);
	} else if (differed) {
		struct core_notice n = { .kind = CORE_NOTICE_NODE, .cause = "twin", .old = "mismatch", .new = "same configuration",
					 .reason = "its configuration is the same again" };
		snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, p->id));
		notice_put(c, &n);
	}
}

/* ---- keys ---- */

size_t core_peer_keys(const struct core *c, uint8_t node, uint8_t out[PAIR_KEYS_MAX])
{
	const struct pair_record *r = c->pair ? pair_find(c->pair, node, PAIR_NODE, NODE_KEY) : NULL;
	if (!r || r->value_len < 3 || r->value[0] != NODE_FORM)
		return 0;
	size_t n = r->value[1];
	if (n == 0 || n > PAIR_KEYS_MAX || r->value_len < 2 + n)
		return 0;
	memcpy(out, r->value + 2, n);
	return n;
}

static bool holds(const uint8_t *ids, size_t n, uint8_t id)
{
	return memchr(ids, id, n) != NULL;
}

/* A key that was dropped too soon, or sent with too soon, cuts the twins off from each other. */
void common_warn_keys(struct core *c)
{
	uint8_t ours[PAIR_KEYS_MAX], theirs[PAIR_KEYS_MAX];
	size_t n = pair_key_ids(c->pair, ours);
	for (size_t i = 0; i < c->peer_count; i++) {
		uint8_t node = c->peers[i].id;
		size_t m = core_peer_keys(c, node, theirs);
		if (m && !holds(ours, n, theirs[0]))
			notice_alarm(c, core_node_name(c, node), "the twin still sends with a key that this node no longer has");
		else if (m && !holds(theirs, m, ours[0]))
			notice_alarm(c, core_node_name(c, node), "the twin does not have the key yet that this node sends with");
	}
}

/* ---- agreement ---- */

void core_agreement_get(const struct core *c, uint8_t node, struct core_agreement *out)
{
	*out = (struct core_agreement){ 0 };
	for (uint32_t i = 0; c->pair && i < c->gen->plan->stream_count; i++) {
		const struct stream *s = &c->gen->streams[i];
		const struct pair_record *r = s->conf->canary ? NULL : pair_find(c->pair, node, PAIR_VERDICT, s->conf->key);
		enum health_verdict theirs = HEALTH_VERDICT_UNKNOWN;
		bool recovered;
		uint8_t weight;
		if (s->conf->canary)
			continue;
		out->targets++;
		if (!r || !value_verdict_get(r, &theirs, &recovered, &weight))
			continue;
		out->common++;
		if (theirs == (enum health_verdict)s->health.verdict)
			out->alike++;
		else if (out->differ_count < CORE_DIFFER_MAX)
			out->differ[out->differ_count++] = (struct core_differ){ s->conf, (uint8_t)s->health.verdict, (uint8_t)theirs };
	}
}
