/* Answers before and after a plan. */
#include <stdio.h>
#include "core/state.h"
#include "core/whatif.h"

struct picture { /* of what is published of one service and family */
	const char *text;
	uint8_t rule;
	bool ready;
	uint32_t ttl_s;
	uint16_t count;
	const struct addr *addrs;
	const uint16_t *weights;
};
struct before { const struct plan_service *conf; struct picture family[CORE_FAMILIES]; bool stays; };
static const struct hash_key names_key = { { 1, 2 } }; /* names of our own configuration */

static int take_picture(struct arena *a, const struct service *s, int f, struct picture *out)
{
	char text[NOTICE_STATE_MAX];
	const struct policy_answer *from = &s->answer[f];
	*out = (struct picture){ .text = arena_str(a, service_answer_text(s, f, text)), .rule = from->rule, .ready = from->ready,
				 .ttl_s = from->ttl_s, .count = from->count };
	out->addrs = arena_copy(a, s->addrs[f], from->count * sizeof *out->addrs);
	out->weights = arena_copy(a, from->weight, from->count * sizeof *out->weights);
	return out->text && out->addrs && out->weights ? 0 : ERR_NOMEM;
}

static bool has_family(const struct picture *p)
{
	return p->rule != POLICY_RULE_ABSENT && p->rule != POLICY_RULE_NONE;
}

/* ---- what differs ---- */

static bool same_set(const struct picture *a, const struct picture *b)
{
	if (a->ready != b->ready || a->count != b->count)
		return false;
	for (uint16_t i = 0; i < a->count; i++) {
		if (!addr_same_ip(&a->addrs[i], &b->addrs[i]))
			return false;
	}
	return true;
}

static bool same_weights(const struct picture *a, const struct picture *b)
{
	return a->count < 2 || memcmp(a->weights, b->weights, a->count * sizeof *a->weights) == 0;
}

static bool same_pick(const struct picture *a, const struct plan_service *x, const struct plan_service *y)
{
	return a->count < 2 || (x->policy.pick == y->policy.pick && x->policy.answer_n == y->policy.answer_n);
}

static bool is_member(const struct plan_service *v, const struct addr *a)
{
	for (uint16_t i = 0; i < v->policy.member_count; i++) {
		if (addr_same_ip(&v->policy.members[i].addr, a))
			return true;
	}
	return false;
}

struct note { char text[WHATIF_NOTE_MAX]; size_t len; };

static void note_add(struct note *n, const char *what, const char *rest)
{
	int len = snprintf(n->text + n->len, sizeof n->text - n->len, "%s%s%s", n->len ? "; " : "", what, rest);
	if (len > 0 && (size_t)len < sizeof n->text - n->len)
		n->len += (size_t)len;
	else
		n->text[n->len] = '\0'; /* one that does not fit whole is left out */
}

/* Addresses of one answer that are no members on the other side of the reload. */
static void note_strangers(struct note *n, const struct picture *p, const struct plan_service *other, const char *rest)
{
	char ip[ADDR_TEXT_MAX];
	for (uint16_t i = 0; p->ready && i < p->count; i++) {
		if (!is_member(other, &p->addrs[i]))
			note_add(n, addr_format(&p->addrs[i], false, ip), rest);
	}
}

static void note_settings(struct note *n, const struct picture *was, const struct picture *is, const struct plan_service *old,
			  const struct plan_service *new)
{
	char text[64];
	if (was->ttl_s != is->ttl_s) {
		snprintf(text, sizeof text, "TTL %u s, not %u s", is->ttl_s, was->ttl_s);
		note_add(n, text, "");
	}
	if (!same_weights(was, is))
		note_add(n, "other weights", "");
	if (!same_pick(was, old, new))
		note_add(n, "picked in another way", "");
}

/* ---- rows ---- */

static int add_row(struct whatif *w, const struct whatif_row *row, const char *note)
{
	struct whatif_row *to = &w->rows[w->count];
	*to = *row;
	to->note = arena_str(&w->arena, note);
	w->count += to->note != NULL;
	return to->note ? 0 : ERR_NOMEM;
}

static int add_changed(struct whatif *w, uint32_t v, int f, const struct before *b, const struct plan_service *conf,
		       const struct picture *is)
{
	const struct picture *was = &b->family[f];
	struct whatif_row row = { .kind = WHATIF_CHANGED, .family = (uint8_t)f, .service = v, .name = conf->name, .now = was->text, .then = is->text,
				  .same_set = same_set(was, is) };
	struct note n = { .len = 0 };
	if (!has_family(was) && !has_family(is))
		return 0;
	if (row.same_set) {
		note_settings(&n, was, is, b->conf, conf);
		return n.len ? add_row(w, &row, n.text) : 0;
	}
	note_strangers(&n, was, conf, " is no member any more");
	note_strangers(&n, is, b->conf, " is a new member");
	return add_row(w, &row, n.text);
}

static int compare(struct whatif *w, const struct core *c, const struct table *names)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		const struct service *s = &c->gen->services[v];
		struct before *b = table_find(names, s->conf->owner, name_len(s->conf->owner));
		for (int f = 0; f < CORE_FAMILIES; f++) {
			struct picture is;
			int e = take_picture(&w->arena, s, f, &is);
			if (e == 0 && b)
				e = add_changed(w, v, f, b, s->conf, &is);
			else if (e == 0 && has_family(&is))
				e = add_row(w, &(struct whatif_row){ .kind = WHATIF_NEW, .family = (uint8_t)f, .service = v, .name = s->conf->name,
								     .then = is.text }, "");
			if (e)
				return e;
		}
		if (b)
			b->stays = true;
	}
	return 0;
}

static int add_gone(struct whatif *w, const struct before *list, uint32_t count)
{
	int e = 0;
	for (uint32_t v = 0; v < count; v++) {
		for (int f = 0; e == 0 && !list[v].stays && f < CORE_FAMILIES; f++) {
			if (has_family(&list[v].family[f]))
				e = add_row(w, &(struct whatif_row){ .kind = WHATIF_GONE, .family = (uint8_t)f, .service = v,
								     .name = list[v].conf->name, .now = list[v].family[f].text }, "");
		}
	}
	return e;
}

/* ---- the whole ---- */

static int look(struct whatif *w, const struct core *c, struct before *list, struct table *names)
{
	int e = 0;
	for (uint32_t v = 0; e == 0 && v < c->gen->plan->service_count; v++) {
		const struct service *s = &c->gen->services[v];
		list[v].conf = s->conf;
		for (int f = 0; e == 0 && f < CORE_FAMILIES; f++)
			e = take_picture(&w->arena, s, f, &list[v].family[f]);
		if (e == 0)
			e = table_put(names, s->conf->owner, name_len(s->conf->owner), &list[v]);
	}
	return e;
}

static int run(struct whatif *w, struct core *c, const struct plan *next, struct table *names, uint64_t now_ms, uint64_t wall_ms)
{
	uint32_t count = c->gen->plan->service_count;
	struct before *list = arena_array(&w->arena, count, sizeof *list);
	struct core_event e = { .type = CORE_PLAN };
	e.plan.plan = next;
	w->rows = arena_array(&w->arena, ((size_t)count + next->service_count) * CORE_FAMILIES, sizeof *w->rows);
	int err = list && w->rows ? look(w, c, list, names) : ERR_NOMEM;
	if (err == 0)
		err = core_step(c, &e, now_ms, wall_ms);
	if (err == 0)
		err = compare(w, c, names);
	return err ? err : add_gone(w, list, count);
}

int whatif_run(struct whatif *w, struct core *c, const struct plan *next, uint64_t now_ms, uint64_t wall_ms)
{
	struct table names;
	*w = (struct whatif){ .count = 0 };
	arena_init(&w->arena, 0);
	table_init_borrowing(&names, &names_key); /* the plan's own octets, which outlive it */
	int e = run(w, c, next, &names, now_ms, wall_ms);
	table_deinit(&names);
	if (e)
		whatif_deinit(w);
	return e;
}

void whatif_deinit(struct whatif *w)
{
	arena_deinit(&w->arena);
	*w = (struct whatif){ .count = 0 };
}
