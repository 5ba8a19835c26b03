/* The solver: RFC 1034 4.3.2 over compiled answers.
 *
 *     zone of the name? ── no ──▶ REFUSED
 *       │ yes
 *       ▼              ┌─ exact or "*" ─▶ RRset, live RRset, CNAME ─┐
 *     what has it for ─┼─ cut above ────▶ referral                  │ target in the same zone:
 *     the name?        ├─ DNAME above ──▶ DNAME + CNAME ────────────┤ ask again for the target
 *                      └─ none ─────────▶ NXDOMAIN + SOA            ▼
 */
#include "answer/answer.h"
#include "answer/db.h"
#include "answer/live.h"
#include "answer/proof.h"
#include "answer/reply.h"

#define TTL_AS_IS UINT32_MAX

struct solver {
	const struct answer_db *db;
	struct answer_worker *w;
	const struct answer_from *from;
	struct reply *r;
	const struct answer_zone *zone;
	const struct answer_name *name; /* now looked up: the question's, then targets of aliases */
	struct reply_owner owner;       /* where it stands in the message */
	const struct query *q;
	uint16_t qtype;
	unsigned target_at;             /* in the message, after STEP_ALIAS */
	unsigned dname_count;           /* each DNAME is given once, however often it is passed */
	const struct image_node *dname[IMAGE_CHAIN_MAX + 1];
	bool dnssec;                    /* DO, and the zone is signed; only then is set what follows */
	struct proof proof;
	const struct image_answer *rest; /* of which glue and additional data are still to be added, behind proofs */
	struct reply_owner rest_owner;
	size_t rest_head_at;
};

enum step {
	STEP_DONE = 1,
	STEP_ALIAS /* go on with the name at target_at */
};

static enum step fail(struct solver *s, uint16_t rcode, uint16_t ede)
{
	reply_fail(s->r, rcode, ede);
	s->dnssec = false; /* nothing is left to prove */
	return STEP_DONE;
}

/* With signatures where these are wanted and there are some. */
static inline const struct image_answer *rrset_answer(const struct answer_zone *z, bool dnssec, const struct image_node *n,
						      const struct image_rrset *rr)
{
	uint32_t at = rr->at;

	if (__builtin_expect(dnssec, 0)) {
		uint32_t signed_at = image_node_signed_at(n, (unsigned)(rr - image_node_rrsets(n)));
		at = signed_at ? signed_at : at;
	}
	return db_answer(z, at);
}

/* Proofs belong between this answer's authority and its additional section. */
static void add_before_proofs(struct solver *s, const struct image_answer *a)
{
	s->rest = a;
	s->rest_owner = s->owner;
	s->rest_head_at = s->r->len;
	(void)reply_add_part(s->r, a, &s->owner, REPLY_HEAD, 0);
}

/* NODATA or NXDOMAIN. In a chain it is the rcode of the last name that counts (RFC 6604 3). */
static enum step negative(struct solver *s, uint16_t rcode, uint32_t ttl_s)
{
	const struct reply_owner o = { .at = s->owner.at, .len = s->owner.len };
	const size_t at = s->r->len;

	s->r->rcode = rcode;
	uint32_t soa_at = s->zone->negative_at;
	if (__builtin_expect(s->dnssec && s->proof.info->negative_at, 0))
		soa_at = s->proof.info->negative_at;
	if (reply_add(s->r, db_answer(s->zone, soa_at), &o) && ttl_s != TTL_AS_IS)
		reply_lower_ttl(s->r, at, ttl_s);
	return STEP_DONE;
}

static inline struct answer_live *live_load(const struct answer_db *db, const struct answer_zone *z, const struct image_rrset *rr)
{
	return __atomic_load_n(&db->slots[z->slot_first + rr->at], __ATOMIC_ACQUIRE);
}

/* Sticky picks go by the client's prefix: the one that a resolver tells whose word counts (RFC 7871), else the address that
 * asks. */
static uint64_t sticky_prefix(struct solver *s)
{
	uint64_t prefix = s->from->client ? answer_prefix(s->from->client) : 0;
	uint8_t scope;

	if (s->q->options & QUERY_OPTION_ECS && s->r->options->ecs_counts && edns_ecs_prefix(s->q, &prefix, &scope))
		s->r->options->bytes[s->r->options->scope_at] = scope;
	return prefix;
}

static enum step give_live(struct solver *s, const struct image_rrset *rr)
{
	const struct answer_live *l = live_load(s->db, s->zone, rr);
	struct live_choice c;

	if (!l)
		return fail(s, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
	if (l->count == 0)
		return negative(s, DNS_RCODE_NOERROR, l->ttl_s);
	live_choose(&c, l, &s->w->turn[s->zone->slot_first + rr->at], s->w->rng,
		    l->pick == ANSWER_PICK_STICKY ? sticky_prefix(s) : 0);
	(void)reply_add_live(s->r, l, &c, &s->owner);
	return STEP_DONE;
}

/* A live RRset in the additional section: what is there now, led by any member, for whose turn it is counts where it is
 * asked for. False: it does not fit. */
static bool add_companion(struct solver *s, const struct answer_live *l, const struct reply_owner *o)
{
	struct live_choice c;

	if (!l || l->count == 0)
		return true;
	if (s->r->len + l->window_len > s->r->limit)
		return false;
	uint32_t turn = live_any_turn(l, s->w->rng);
	live_choose(&c, l, &turn, s->w->rng, l->pick == ANSWER_PICK_STICKY ? sticky_prefix(s) : 0);
	reply_add_live_additional(s->r, l, &c, o);
	return true;
}

/* An answer whose targets have live addresses. Additional data that does not fit is left off in silence, and what is behind
 * it too (RFC 2181 9). */
static enum step give_with_company(struct solver *s, const struct image_rrset *rr)
{
	const struct image_answer *a = db_answer(s->zone, rr->at);
	const struct image_companion *c;
	const size_t at = s->r->len;

	if (!reply_add(s->r, a, &s->owner) || s->r->len != at + a->body_len)
		return STEP_DONE;
	for (unsigned i = 0;; i++) {
		c = image_answer_companion(a, i);
		const struct reply_owner o = { .at = reply_moved(a, c->owner, at, &s->owner) };
		const struct answer_live *l =
			__atomic_load_n(&s->db->slots[s->zone->slot_first + c->slot], __ATOMIC_ACQUIRE);
		if (!add_companion(s, l, &o) || !c->more)
			return STEP_DONE;
	}
}

static __attribute__((noinline)) enum step give_changing(struct solver *s, const struct image_rrset *rr)
{
	return rr->flags & IMAGE_RRSET_LIVE ? give_live(s, rr) : give_with_company(s, rr);
}

static __attribute__((noinline)) enum step give_referral(struct solver *s, const struct image_node *cut, const struct image_rrset *ns)
{
	if (ns->flags & IMAGE_RRSET_COMPANY)
		return give_with_company(s, ns);
	if (s->proof.count) { /* behind an alias: what that brought is not given twice */
		proof_no_ds(&s->proof, s->name, cut);
		add_before_proofs(s, db_find_rrset(cut, DNS_TYPE_DS) ? rrset_answer(s->zone, true, cut, ns) : db_answer(s->zone, ns->at));
	} else {
		(void)reply_add(s->r, rrset_answer(s->zone, true, cut, ns), &s->owner);
	}
	return STEP_DONE;
}

/* AA speaks of the first owner name in the answer (RFC 1035 4.1.1), so it stays after a CNAME. */
static enum step referral(struct solver *s, const struct image_node *cut)
{
	const struct image_rrset *ns = db_find_rrset(cut, DNS_TYPE_NS);

	if (!ns || !ns->at)
		return fail(s, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	if (s->r->an == 0)
		s->r->aa = false;
	if (__builtin_expect(s->dnssec | ns->flags, 0)) /* with signatures, or with company: never both */
		return give_referral(s, cut, ns);
	(void)reply_add(s->r, db_answer(s->zone, ns->at), &s->owner);
	return STEP_DONE;
}

static enum step give(struct solver *s, const struct image_node *n, const struct image_rrset *rr)
{
	if (rr->flags & (IMAGE_RRSET_LIVE | IMAGE_RRSET_COMPANY))
		return give_changing(s, rr);
	if (!rr->at)
		return fail(s, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	if (__builtin_expect(s->dnssec, 0)) {
		if (s->owner.wildcard)
			proof_wildcard(&s->proof, s->name, n);
		if (s->proof.count) {
			add_before_proofs(s, rrset_answer(s->zone, s->dnssec, n, rr));
			return STEP_DONE;
		}
	}
	(void)reply_add(s->r, rrset_answer(s->zone, s->dnssec, n, rr), &s->owner);
	return STEP_DONE;
}

static enum step no_type(struct solver *s, const struct image_node *n)
{
	if (__builtin_expect(s->dnssec, 0))
		(s->owner.wildcard ? proof_wildcard_no_type : proof_no_type)(&s->proof, s->name, n);
	return negative(s, DNS_RCODE_NOERROR, TTL_AS_IS);
}

/* RFC 8482 4.1: one RRset; of live ones the first that has anything to say. RRSIGs come with it, and are none alone. */
static enum step give_any(struct solver *s, const struct image_node *n)
{
	const struct image_rrset *rr = image_node_rrsets(n), *first = NULL;

	for (unsigned i = 0; i < n->rrset_count; i++) {
		const struct answer_live *l = rr[i].flags & IMAGE_RRSET_LIVE ? live_load(s->db, s->zone, &rr[i]) : NULL;
		if (rr[i].type != DNS_TYPE_RRSIG && (!(rr[i].flags & IMAGE_RRSET_LIVE) || (l && l->count)))
			return give(s, n, &rr[i]);
		if (!first)
			first = &rr[i];
	}
	return first ? give(s, n, first) : no_type(s, n);
}

static enum step give_cname(struct solver *s, const struct image_node *n, const struct image_rrset *rr)
{
	const size_t at = s->r->len;

	if (!rr->at)
		return fail(s, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	if (__builtin_expect(s->dnssec && s->owner.wildcard, 0))
		proof_wildcard(&s->proof, s->name, n);
	if (!reply_add(s->r, rrset_answer(s->zone, s->dnssec, n, rr), &s->owner) || !(rr->flags & IMAGE_RRSET_CHASE))
		return STEP_DONE;
	s->target_at = (unsigned)(at + image_body_ttl_at(s->r->out + at) + 6);
	return STEP_ALIAS;
}

static bool dname_is_new(struct solver *s, const struct image_node *n)
{
	for (unsigned i = 0; i < s->dname_count; i++)
		if (s->dname[i] == n)
			return false;
	s->dname[s->dname_count++] = n; /* one an alias at most: bounded as aliases are */
	return true;
}

static enum step solve_node(struct solver *s, const struct image_node *n)
{
	if (__builtin_expect(n->flags & IMAGE_NODE_CUT, 0) && s->qtype != DNS_TYPE_DS)
		return referral(s, n);
	const struct image_rrset *rr = db_find_rrset(n, s->qtype);
	if (rr && __builtin_expect(rr->type == DNS_TYPE_DNAME, 0) && !dname_is_new(s, n))
		return STEP_DONE; /* an alias that came through this DNAME led back to it */
	if (rr)
		return give(s, n, rr);
	if (s->qtype == DNS_TYPE_ANY)
		return give_any(s, n);
	if (n->flags & IMAGE_NODE_CNAME && (rr = db_find_rrset(n, DNS_TYPE_CNAME)) != NULL)
		return give_cname(s, n, rr);
	return no_type(s, n);
}

/* RFC 6672 3.2: the labels before the DNAME's owner move under its target; YXDOMAIN where that is too long. */
static enum step solve_dname(struct solver *s, const struct image_node *n)
{
	const struct image_rrset *rr = db_find_rrset(n, DNS_TYPE_DNAME);
	uint8_t name[NAME_WIRE_MAX];

	if (!rr || !rr->at)
		return fail(s, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	const struct image_answer *a = db_answer(s->zone, rr->at);
	if (dname_is_new(s, n) && !reply_add(s->r, rrset_answer(s->zone, s->dnssec, n, rr), &s->owner))
		return STEP_DONE;
	const uint8_t *body = image_answer_body(a), *ttl = body + image_body_ttl_at(body), *target = ttl + 6;
	size_t head = s->owner.len - n->name_len, tail = name_len(target);
	if (head + tail > NAME_WIRE_MAX) {
		s->r->rcode = DNS_RCODE_YXDOMAIN;
		return STEP_DONE;
	}
	memcpy(name, s->r->out + s->owner.at, head);
	memcpy(name + head, target, tail);
	s->target_at = reply_add_cname(s->r, &s->owner, load_u32(ttl), name, head + tail);
	return s->target_at && s->qtype != DNS_TYPE_CNAME && s->qtype != DNS_TYPE_ANY ? STEP_ALIAS : STEP_DONE;
}

/* DS is looked for in the parent, which may not know of a child that is ours. There is no DS then, but the name is there;
 * only a signed parent must say what its chain proves. */
static bool is_unknown_child(const struct solver *s)
{
	return s->qtype == DNS_TYPE_DS && !s->zone->is_signed &&
	       db_find_zone(s->db, s->name, s->name->labels)->labels == s->name->labels;
}

/* m, n: what db_find_node gave for the name. */
static enum step solve_name(struct solver *s, enum db_match m, const struct image_node *n)
{
	s->owner.wildcard = m == DB_WILDCARD;
	switch (m) {
	case DB_EXACT:
	case DB_WILDCARD:
		return solve_node(s, n);
	case DB_DELEGATED:
		return referral(s, n);
	case DB_DNAME:
		return solve_dname(s, n);
	case DB_NONE:
		break;
	}
	if (__builtin_expect(s->dnssec, 0))
		proof_no_name(&s->proof, s->name, n);
	return negative(s, is_unknown_child(s) ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN, TTL_AS_IS);
}

struct chain { /* of aliases: the name at its end so far, and the hashes of those before */
	unsigned links;
	struct answer_name n;
	uint8_t name[NAME_WIRE_MAX], label_at[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1], seen[IMAGE_CHAIN_MAX];
};

/* Goes on with the target of an alias inside the zone: m, n as solve_name wants them. False: the chain ends here, NOERROR. In a
 * loop it ends where a name comes again: every link was given once. */
static __attribute__((noinline)) bool follow(struct solver *s, struct chain *c, enum db_match *m, const struct image_node **n)
{
	if (c->links == IMAGE_CHAIN_MAX)
		return false;
	if (s->r->len > IMAGE_MOVE_MAX) /* many large signatures: pointers would not reach; what is there is true */
		return false;
	c->seen[c->links++] = s->name->hash[0];
	const size_t len = name_len(s->r->out + s->target_at);
	memcpy(c->name, s->r->out + s->target_at, len);
	name_lower(c->name, len);
	db_name(&c->n, s->db, c->name, c->label_at, c->hash);
	if (db_find_zone(s->db, &c->n, c->n.labels) != s->zone)
		return false;
	for (unsigned i = 0; i < c->links; i++)
		if (c->seen[i] == c->hash[0])
			return false;
	s->name = &c->n;
	s->owner = (struct reply_owner){ .at = s->target_at, .len = c->n.len };
	*m = db_find_node(s->db, s->zone, &c->n, n);
	return true;
}

/* DS belongs to the parent's side of a cut (RFC 4035 3.1.4.1), where that is ours: also where it knows of no cut. */
static const struct answer_zone *parent_of(const struct answer_db *db, const struct answer_zone *child,
					   const struct answer_name *n)
{
	const struct answer_zone *z = n->labels ? db_find_zone(db, n, n->labels - 1) : NULL;

	return z && z->apex_node_at ? z : child;
}

/* A NOTIFY or an UPDATE for a zone that is ours is understood but not allowed; of another zone we have no say
 * (RFC 1996 3.10, RFC 2136 3.1). */
static __attribute__((noinline)) void refuse_message(const struct answer_db *db, const struct query *q, struct reply *r)
{
	const struct answer_name n = db_question(q);
	const struct answer_zone *z = q->qclass == DNS_CLASS_IN ? db_find_zone(db, &n, n.labels) : NULL;

	reply_fail(r, z && z->labels == n.labels ? DNS_RCODE_REFUSED : DNS_RCODE_NOTAUTH, REPLY_NO_EDE);
}

/* Behind the answer section: proofs that its steps gathered, then what the last answer has for the sections after. */
static __attribute__((noinline)) void solve_proofs(struct solver *s)
{
	const struct reply_owner question = { .at = DNS_HEADER_LEN, .len = s->q->name_len };

	if (!s->r->tc && proof_put(&s->proof, s->r, &question) && s->rest)
		(void)reply_add_part(s->r, s->rest, &s->rest_owner, REPLY_REST, s->rest_head_at);
}

/* Zones are transferred, not names: NOTAUTH for what is no apex of ours (RFC 5936 2.2.1), else not allowed. */
static inline bool is_transfer(const struct query *q)
{
	return q->qtype == DNS_TYPE_AXFR || q->qtype == DNS_TYPE_IXFR;
}

/* n: the name's own node, or NULL. */
static __attribute__((noinline)) void solve(const struct answer_db *db, struct answer_worker *w, const struct answer_from *from,
					    const struct query *q, const struct answer_zone *z, const struct image_node *n,
					    struct reply *r)
{
	const struct answer_name name = db_question(q);
	struct solver s;

	s.db = db;
	s.w = w;
	s.from = from;
	s.r = r;
	s.zone = z;
	s.name = &name;
	s.owner = (struct reply_owner){ .at = DNS_HEADER_LEN, .len = name.len };
	s.q = q;
	s.qtype = q->qtype;
	s.dname_count = 0;
	s.dnssec = q->edns_do && z->is_signed;
	if (__builtin_expect(s.dnssec, 0)) {
		proof_init(&s.proof, z);
		s.rest = NULL;
	}
	enum db_match m = n ? DB_EXACT : db_find_instead(db, z, &name, &n);
	struct chain chain;
	chain.links = 0; /* nothing else is looked at before there are any */
	while (solve_name(&s, m, n) == STEP_ALIAS && follow(&s, &chain, &m, &n))
		;
	if (__builtin_expect(s.dnssec && s.proof.count, 0))
		solve_proofs(&s);
}

/* What most questions come to: the name is there, and so is what is asked of it. False: nothing was done, it takes a solver. */
static inline bool give_plain(const struct answer_db *db, struct answer_worker *w, const struct query *q,
			      const struct answer_zone *z, const struct image_node *n, struct reply *r)
{
	const struct image_rrset *rr = n && !(n->flags & IMAGE_NODE_CUT) ? db_find_rrset(n, q->qtype) : NULL;

	if (!rr)
		return false;
	if (rr->flags & IMAGE_RRSET_LIVE) {
		const struct answer_live *l = live_load(db, z, rr);
		return l && l->in_turn && reply_start_live(r, l, live_rotate(l, &w->turn[z->slot_first + rr->at]));
	}
	return rr->at && reply_start_with(r, rrset_answer(z, q->edns_do && z->is_signed, n, rr));
}

static inline void answer(const struct answer_db *db, struct answer_worker *w, const struct answer_from *from,
			  const struct answer_job *job, struct reply *r)
{
	const struct query *q = &job->query;
	const struct answer_name n = db_question(q);

	if (__builtin_expect(q->opcode != DNS_OPCODE_QUERY, 0))
		return refuse_message(db, q, r);
	if (__builtin_expect(q->qclass != DNS_CLASS_IN, 0))
		return reply_fail(r, DNS_RCODE_REFUSED, REPLY_NO_EDE);
	const struct answer_zone *z = job->zone ? job->zone : db_question_zone(db, &n, n.labels);
	if (!z)
		return reply_fail(r, is_transfer(q) ? DNS_RCODE_NOTAUTH : DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	if (w->by_zone)
		w->by_zone[z->counter]++;
	if (__builtin_expect(q->qtype == DNS_TYPE_DS, 0) && n.labels == z->labels)
		z = parent_of(db, z, &n);
	if (!z->apex_node_at)
		return reply_fail(r, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
	if (__builtin_expect(is_transfer(q), 0))
		return reply_fail(r, z->labels == n.labels ? DNS_RCODE_REFUSED : DNS_RCODE_NOTAUTH, REPLY_NO_EDE);
	r->aa = true;
	const struct image_node *node = db_question_node(z, &n);
	if (!give_plain(db, w, q, z, node, r))
		solve(db, w, from, q, z, node, r);
}

static inline void count(struct answer_stats *st, const struct query *q, const struct reply *r, bool tcp)
{
	st->responses++;
	st->edns += q->has_edns;
	if (__builtin_expect(r->tc, 0))
		st->truncated++;
	if (__builtin_expect(tcp, 0))
		st->tcp++;
	if (r->rcode < sizeof st->by_rcode / sizeof st->by_rcode[0])
		st->by_rcode[r->rcode]++;
}

/* RFC 7873 5.2.3, 5.2.4, 5.4. Over TCP the address is proved, so what was asked is answered. */
static bool is_bad_cookie(const struct edns_options *o, const struct answer_limits *lim, enum query_verdict v, bool tcp)
{
	if (v == QUERY_COOKIE)
		return o->cookie == COOKIE_BAD;
	return v == QUERY_OK && !tcp && o->cookie && o->cookie != COOKIE_GOOD && lim->cookies == ANSWER_COOKIES_STRICT;
}

#define RCODE_SOLVE UINT16_MAX
#define RCODE_COLD (UINT16_MAX - 1)

/* All that a plain question does not need: its options, and what is answered without looking at a zone. */
static __attribute__((noinline)) uint16_t prepare(struct edns_options *o, const struct query *q, enum query_verdict v,
						  const struct answer_limits *lim, const struct answer_worker *w,
						  const struct answer_from *from)
{
	edns_options_encode(o, q, lim, w, from);
	if (is_bad_cookie(o, lim, v, from->transport == ANSWER_TCP))
		return DNS_RCODE_BADCOOKIE;
	if (v == QUERY_COOKIE)
		return o->cookie ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR;
	if (v != QUERY_OK)
		return q->rcode;
	return q->qclass == DNS_CLASS_CH && q->opcode == DNS_OPCODE_QUERY ? RCODE_COLD : RCODE_SOLVE;
}

enum answer_outcome answer_write(const struct answer_job *job, const struct answer_db *db, struct answer_worker *w,
				 const struct answer_limits *lim, const struct answer_from *from, uint8_t *out, size_t cap,
				 size_t *len)
{
	const bool tcp = from->transport == ANSWER_TCP;
	const struct query *q = &job->query;
	const enum query_verdict v = job->verdict;
	struct edns_options options; /* encoded, and borrowed by r, only where q->options */
	struct reply r;

	w->stats.queries++;
	w->cookie = 0;
	if (v == QUERY_DROP) {
		w->stats.dropped++;
		return ANSWER_NONE;
	}
	uint16_t rcode = RCODE_SOLVE;
	if (__builtin_expect(v != QUERY_OK || q->options || q->qclass == DNS_CLASS_CH, 0)) {
		rcode = prepare(&options, q, v, lim, w, from);
		w->cookie = options.cookie;
		if (rcode == RCODE_COLD) {
			w->stats.cold++;
			return ANSWER_COLD;
		}
	}
	reply_begin(&r, q, lim, tcp, q->options ? &options : NULL, out, cap);
	if (__builtin_expect(rcode == RCODE_SOLVE, 1))
		answer(db, w, from, job, &r);
	else
		reply_fail(&r, rcode, REPLY_NO_EDE);
	*len = reply_end(&r, q, lim);
	if (__builtin_expect(rcode == DNS_RCODE_NOTAUTH, 0)) /* from query_parse, for a TSIG */
		*len = reply_add_bad_key(&r, q);
	count(&w->stats, q, &r, tcp);
	return ANSWER_SEND;
}

enum answer_outcome answer_query(const struct answer_db *db, struct answer_worker *w, const struct answer_limits *lim,
				 const struct answer_from *from, const uint8_t *in, size_t in_len, uint8_t *out,
				 size_t cap, size_t *len)
{
	struct answer_job job;

	job.in = in;
	job.in_len = in_len;
	answer_read(&job, 1, db);
	return answer_write(&job, db, w, lim, from, out, cap, len);
}
