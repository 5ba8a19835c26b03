/* Bytes → plan.  The loader runs a stranger's Lua, so its bytes are hostile: every count is held against its bound *and*
 * against what is left to read (so that 40 octets cannot ask for gigabytes), every index against what it points into, and
 * names and keys that core looks things up by must be unique.
 */
#include <stdlib.h>
#include "base/log.h"
#include "base/table.h"
#include "core/plan.h"
#include "core/plan_read.h"
#include "core/plan_wire.h"
#include "pair/pair.h"

/* The least octets that one of each can take; a count of more than fit in the rest is a lie. */
#define NODE_MIN 21
#define FILE_MIN 4
#define SCRIPT_MIN 6
#define ARG_MIN 3
#define STREAM_MIN 51
#define MEMBER_MIN 17
#define SERVICE_MIN 33

#define PLAN_ARGS_MAX 64
#define PAIR_INTERVAL_MIN 100 /* pair protocol 2.2 */
#define PAIR_INTERVAL_MAX 1000
#define TTL_MAX 0x7fffffffu /* RFC 2181 8 */

static size_t words_of(const uint8_t *text, size_t len)
{
	size_t words = 0;
	for (size_t i = 0; i < len; i++)
		words += text[i] == 0;
	return words;
}

static void read_hook(struct plan_reader *d, struct plan_hook *h)
{
	size_t len = plan_read_count(d, get_u16(d->r), PLAN_HOOK_LEN_MAX, 1);
	const uint8_t *text = len ? get_bytes(d->r, len) : NULL;
	if (!text)
		return;
	plan_require(d, text[0] == '/' && text[len - 1] == 0 && words_of(text, len) <= PLAN_HOOK_WORDS_MAX);
	char *argv = plan_read_array(d, len, 1);
	if (!argv)
		return;
	memcpy(argv, text, len);
	h->argv = argv;
	h->argv_len = (uint16_t)len;
	h->timeout_ms = get_u32(d->r);
	h->per_minute = get_u32(d->r);
	h->kinds = get_u32(d->r);
	plan_require(d, h->timeout_ms > 0 && h->per_minute > 0);
}

static void read_node(struct plan_reader *d, struct plan_node *n)
{
	size_t count;
	n->name = plan_read_text(d, true);
	n->id = get_u8(d->r);
	plan_require(d, n->id <= PLAN_NODES_MAX);
	n->listen = plan_read_addrs(d, &count, PLAN_ADDRS_MAX);
	n->listen_count = (uint16_t)count;
	n->peer = plan_read_addrs(d, &count, PLAN_PEER_ADDRS_MAX);
	n->peer_count = (uint8_t)count;
	n->canaries = plan_read_addrs(d, &count, UINT16_MAX);
	n->canary_count = (uint16_t)count;
	n->status_from = plan_read_blocks(d, &n->status_from_count, UINT16_MAX);
	for (int i = 0; i < 2; i++) {
		plan_read_addr(d, &n->probe_source[i], false);
		plan_require(d, n->probe_source[i].family == 0 || n->probe_source[i].family == (i ? 6 : 4));
	}
	plan_read_addr(d, &n->http, false);
	n->http_from = plan_read_blocks(d, &n->http_from_count, UINT16_MAX);
	n->control = plan_read_text(d, false);
	n->state = plan_read_text(d, false);
	n->user = plan_read_text(d, false);
	n->nsid = plan_read_text(d, false);
	n->workers = get_u16(d->r);
	n->log_form = get_u8(d->r);
	n->log_level = get_u8(d->r);
	n->query_log = get_u32(d->r);
	n->dnstap = plan_read_text(d, false);
	plan_require(d, n->log_form <= LOG_SYSLOG && n->log_level <= LOG_LEVEL_DEBUG && n->query_log <= PLAN_SAMPLE_MAX);
	read_hook(d, &n->hook);
	n->weight = get_u8(d->r);
	plan_require(d, n->weight <= PLAN_VOTE_MAX);
}

static int result_of(const struct plan_reader *d)
{
	if (!d->r->failed)
		return 0;
	return d->err ? d->err : ERR_FORMAT;
}

int plan_node_get(struct rbuf *r, struct arena *a, struct plan_node *n)
{
	struct plan_reader d = { .r = r, .arena = a };
	struct plan_node node = { 0 };
	read_node(&d, &node);
	int e = result_of(&d);
	if (e == 0)
		*n = node;
	return e;
}

static void read_limits(struct plan_reader *d, struct plan_limits *l)
{
	l->rrl.per_s = get_u32(d->r);
	l->rrl.window_ms = get_u32(d->r);
	l->rrl.table = get_u32(d->r);
	l->rrl.slip = get_u16(d->r);
	l->rrl.exempt = plan_read_blocks(d, &l->rrl.exempt_count, PLAN_ADDRS_MAX);
	l->udp_edns_max = get_u16(d->r);
	l->tcp_max = get_u16(d->r);
	l->tcp_per_source = get_u16(d->r);
	l->tcp_idle_ms = get_u32(d->r);
	l->cookies = get_u8(d->r);
	l->subnet_from = plan_read_blocks(d, &l->subnet_from_count, PLAN_ADDRS_MAX);
	l->probes_max = get_u32(d->r);
	l->probes_per_target = get_u32(d->r);
	plan_require(d, l->probes_max > 0 && l->probes_per_target > 0);
	plan_require(d, l->cookies >= PLAN_COOKIES_ON && l->cookies <= PLAN_COOKIES_OFF);
	plan_require(d, l->rrl.table <= PLAN_RRL_TABLE_MAX && l->tcp_max > 0 && l->tcp_per_source > 0 && l->tcp_idle_ms > 0);
}

int plan_limits_get(struct rbuf *r, struct arena *a, struct plan_limits *l)
{
	struct plan_reader d = { .r = r, .arena = a };
	struct plan_limits limits = { 0 };
	read_limits(&d, &limits);
	int e = result_of(&d);
	if (e == 0)
		*l = limits;
	return e;
}

static void read_key(struct plan_reader *d, uint8_t out[PLAN_KEY_LEN])
{
	const uint8_t *key = get_bytes(d->r, PLAN_KEY_LEN);
	if (key)
		memcpy(out, key, PLAN_KEY_LEN);
}

static void read_pair(struct plan_reader *d, struct plan_pair *p)
{
	p->present = plan_read_bool(d);
	p->quorum_pct = PAIR_QUORUM_ABOVE_PCT; /* a service may go by it without a pair, too */
	p->quorum_least = PAIR_QUORUM_LEAST;
	if (!p->present)
		return;
	p->name = plan_read_text(d, true);
	read_key(d, p->key);
	p->has_other = plan_read_bool(d);
	if (p->has_other)
		read_key(d, p->other_key);
	p->interval_ms = get_u32(d->r);
	p->agree = get_u8(d->r);
	p->share = plan_read_bool(d);
	plan_require(d, p->interval_ms >= PAIR_INTERVAL_MIN && p->interval_ms <= PAIR_INTERVAL_MAX);
	plan_require(d, p->agree >= POLICY_AGREE_ANY_UP && p->agree <= POLICY_AGREE_LOCAL);
	plan_require(d, !p->share || p->agree != POLICY_AGREE_LOCAL);
	p->isolated = get_u8(d->r);
	plan_require(d, p->isolated == PLAN_ISOLATED_ANSWER || p->isolated == PLAN_ISOLATED_SERVFAIL);
	p->quorum_pct = get_u8(d->r);
	p->quorum_least = get_u16(d->r);
	plan_require(d, p->quorum_pct >= 1 && p->quorum_pct <= 99 && p->quorum_least >= 1);
}

static void read_admin(struct plan_reader *d, struct plan_admin *a)
{
	a->token_len = get_u8(d->r);
	plan_require(d, a->token_len <= PLAN_TOKEN_MAX);
	const uint8_t *token = get_bytes(d->r, a->token_len);
	if (token && !d->r->failed)
		memcpy(a->token, token, a->token_len);
}

static void read_nodes(struct plan_reader *d, struct plan *p)
{
	bool seen[PLAN_NODES_MAX + 1] = { false };
	p->self = get_u16(d->r);
	size_t n = plan_read_count(d, get_u16(d->r), PLAN_NODES_MAX, NODE_MIN);
	struct plan_node *list = plan_read_array(d, n, sizeof *list);
	plan_require(d, p->self < n);
	for (size_t i = 0; list && i < n && !d->r->failed; i++) {
		read_node(d, &list[i]);
		if (d->r->failed || !p->pair.present)
			continue;
		/* An id is a shelf's owner: two nodes of one id would write one shelf. */
		plan_require(d, list[i].id > 0 && !seen[list[i].id]);
		seen[list[i].id] = true;
	}
	p->nodes = list;
	p->node_count = (uint16_t)n;
}

static void read_files(struct plan_reader *d, struct plan *p)
{
	size_t n = plan_read_count(d, get_u32(d->r), PLAN_FILES_MAX, FILE_MIN);
	struct plan_file *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n && !d->r->failed; i++) {
		list[i].len = get_u32(d->r);
		if (list[i].len > PLAN_FILE_LEN_MAX) {
			plan_fail(d, ERR_LIMIT);
			break;
		}
		const uint8_t *data = get_bytes(d->r, list[i].len);
		if (data && !(list[i].data = arena_strn(d->arena, (const char *)data, list[i].len)))
			plan_fail(d, ERR_NOMEM);
	}
	p->files = list;
	p->file_count = (uint32_t)n;
}

static void read_scripts(struct plan_reader *d, struct plan *p)
{
	size_t n = plan_read_count(d, get_u32(d->r), PLAN_SCRIPTS_MAX, SCRIPT_MIN);
	struct plan_script *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n && !d->r->failed; i++) {
		list[i].name = plan_read_text(d, true);
		list[i].file = plan_read_text(d, false);
		list[i].text_len = get_u32(d->r);
		if (list[i].text_len > PLAN_SCRIPT_TEXT_MAX) {
			plan_fail(d, ERR_LIMIT);
			break;
		}
		const uint8_t *text = get_bytes(d->r, list[i].text_len);
		if (text && !(list[i].text = arena_strn(d->arena, (const char *)text, list[i].text_len)))
			plan_fail(d, ERR_NOMEM);
		uint8_t plugins = get_u8(d->r);
		plan_require(d, plugins <= 1);
		list[i].plugins = plugins == 1;
	}
	p->scripts = list;
	p->script_count = (uint32_t)n;
}

static void read_arg(struct plan_reader *d, const struct plan *p, struct plan_arg *a)
{
	uint64_t bits;
	a->name = plan_read_text(d, true);
	a->kind = get_u8(d->r);
	switch (a->kind) {
	case PLAN_ARG_STRING:
		a->string = plan_read_text(d, true);
		break;
	case PLAN_ARG_CERTIFICATES:
	case PLAN_ARG_KEY:
		a->string = plan_read_text(d, true);
		a->file = get_u32(d->r);
		plan_require(d, a->file < p->file_count);
		break;
	case PLAN_ARG_INTEGER:
		a->integer = (int64_t)get_u64(d->r);
		break;
	case PLAN_ARG_NUMBER:
		bits = get_u64(d->r);
		memcpy(&a->number, &bits, sizeof bits);
		break;
	case PLAN_ARG_BOOLEAN:
		a->boolean = plan_read_bool(d);
		break;
	default:
		plan_fail(d, ERR_FORMAT);
	}
}

static void read_args(struct plan_reader *d, const struct plan *p, struct plan_stream *s)
{
	size_t n = plan_read_count(d, get_u16(d->r), PLAN_ARGS_MAX, ARG_MIN);
	struct plan_arg *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n && !d->r->failed; i++)
		read_arg(d, p, &list[i]);
	s->args = list;
	s->arg_count = (uint16_t)n;
}

static void read_timing(struct plan_reader *d, struct health_timing *t)
{
	t->interval_ms = get_u32(d->r);
	t->timeout_ms = get_u32(d->r);
	t->retry_ms = get_u32(d->r);
	t->fall = get_u8(d->r);
	t->rise = get_u8(d->r);
	t->flap.suppress = get_u32(d->r);
	t->flap.reuse = get_u32(d->r);
	t->flap.half_life_ms = get_u32(d->r);
	t->flap.hold = plan_read_bool(d);
	/* Zero would be a probe without end or a schedule that never moves on. */
	plan_require(d, t->interval_ms > 0 && t->timeout_ms > 0 && t->retry_ms > 0 && t->fall > 0 && t->rise > 0);
	plan_require(d, health_flap_rule_ok(&t->flap));
}

static void read_streams(struct plan_reader *d, struct plan *p)
{
	size_t n = plan_read_count(d, get_u32(d->r), PLAN_STREAMS_MAX, STREAM_MIN);
	struct plan_stream *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n && !d->r->failed; i++) {
		struct plan_stream *s = &list[i];
		s->key = get_u64(d->r);
		plan_read_addr(d, &s->addr, true);
		s->script = get_u32(d->r);
		plan_require(d, s->script < p->script_count);
		read_args(d, p, s);
		read_timing(d, &s->timing);
		s->check = plan_read_text(d, true);
		s->owner = plan_read_text(d, true);
		s->host = plan_read_text(d, false);
		s->canary = plan_read_bool(d);
	}
	p->streams = list;
	p->stream_count = (uint32_t)n;
}

static void read_policy(struct plan_reader *d, struct policy_service *s)
{
	size_t n;
	s->tier_count = get_u8(d->r);
	s->need = get_u16(d->r);
	s->need_pct = get_u8(d->r);
	s->answer_n = get_u16(d->r);
	s->pick = get_u8(d->r);
	s->all_down = get_u8(d->r);
	s->couple = plan_read_bool(d);
	s->initial_up = plan_read_bool(d);
	s->failback_ms = get_u32(d->r);
	s->slow_start_ms = get_u32(d->r);
	s->load = get_u32(d->r);
	s->ttl_min_s = get_u32(d->r);
	s->ttl_max_s = get_u32(d->r);
	s->fallback = plan_read_addrs(d, &n, POLICY_MEMBERS_MAX);
	s->fallback_count = (uint16_t)n;
	plan_require(d, s->tier_count >= 1 && s->tier_count <= POLICY_TIERS_MAX);
	plan_require(d, (s->need > 0) != (s->need_pct > 0) && s->need_pct <= 100);
	plan_require(d, s->pick >= POLICY_PICK_ROTATE && s->pick <= POLICY_PICK_STICKY);
	plan_require(d, s->all_down >= POLICY_ALL_DOWN_FIRST && s->all_down <= POLICY_ALL_DOWN_LIST);
	plan_require(d, s->load <= POLICY_LOAD_MAX);
	plan_require(d, s->ttl_min_s <= TTL_MAX && s->ttl_max_s <= TTL_MAX);
}

static void read_check(struct plan_reader *d, const struct plan *p, struct plan_check *c)
{
	c->need = get_u16(d->r);
	c->count = get_u16(d->r);
	if (c->count > PLAN_CHECK_STREAMS_MAX) {
		plan_fail(d, ERR_LIMIT);
		return;
	}
	plan_require(d, c->count ? c->need >= 1 && c->need <= c->count : c->need == 0);
	for (size_t k = 0; k < c->count; k++) {
		c->streams[k] = get_u32(d->r);
		plan_require(d, c->streams[k] < p->stream_count);
	}
}

static void read_needs(struct plan_reader *d, const struct plan *p, struct plan_needs *out)
{
	size_t n = plan_read_count(d, get_u8(d->r), PLAN_NEEDS_MAX, 4);
	uint32_t *list = n ? plan_read_array(d, n, sizeof *list) : NULL;
	for (size_t i = 0; list && i < n; i++) {
		list[i] = get_u32(d->r);
		plan_require(d, list[i] < p->service_count);
	}
	*out = (struct plan_needs){ list, (uint8_t)n };
}

/* Most services have no member with needs of its own: room for them is made when the first is met. */
static void read_member_needs(struct plan_reader *d, const struct plan *p, struct plan_needs **list, size_t n, size_t i)
{
	struct plan_needs own;
	read_needs(d, p, &own);
	if (own.count && !*list)
		*list = plan_read_array(d, n, sizeof **list);
	if (own.count && *list)
		(*list)[i] = own;
}

static void read_members(struct plan_reader *d, const struct plan *p, struct plan_service *s)
{
	size_t n = plan_read_count(d, get_u16(d->r), POLICY_MEMBERS_MAX, MEMBER_MIN);
	struct policy_member *members = plan_read_array(d, n, sizeof *members);
	struct plan_check *checks = plan_read_array(d, n, sizeof *checks);
	const char **hosts = plan_read_array(d, n, sizeof *hosts);
	const char **sites = plan_read_array(d, n, sizeof *sites);
	struct plan_needs *needs = NULL;
	for (size_t i = 0; members && checks && hosts && sites && i < n && !d->r->failed; i++) {
		plan_read_addr(d, &members[i].addr, true);
		members[i].tier = get_u8(d->r);
		members[i].drain = plan_read_bool(d);
		members[i].weight = get_u16(d->r);
		members[i].capacity = get_u32(d->r);
		plan_require(d, members[i].capacity <= POLICY_CAPACITY_MAX);
		plan_require(d, members[i].tier < s->policy.tier_count);
		hosts[i] = plan_read_text(d, false);
		sites[i] = plan_read_text(d, false);
		read_check(d, p, &checks[i]);
		read_member_needs(d, p, &needs, n, i);
	}
	s->policy.members = members;
	s->policy.member_count = (uint16_t)n;
	s->checks = checks;
	s->hosts = hosts;
	s->sites = sites;
	s->member_needs = needs;
}

/* A whole, lower-case name: services are found by comparing octets. */
static const uint8_t *read_owner(struct plan_reader *d)
{
	size_t n;
	uint8_t folded[NAME_WIRE_MAX];
	const uint8_t *p = get_block(d->r, &n);
	if (!p || n > sizeof folded || name_check(p, n) != (int)n) {
		plan_fail(d, ERR_FORMAT);
		return NULL;
	}
	memcpy(folded, p, n);
	name_lower(folded, n);
	plan_require(d, memcmp(folded, p, n) == 0);
	const uint8_t *owner = arena_copy(d->arena, p, n);
	if (!owner)
		plan_fail(d, ERR_NOMEM);
	return owner;
}

static void read_services(struct plan_reader *d, struct plan *p)
{
	size_t n = plan_read_count(d, get_u32(d->r), PLAN_SERVICES_MAX, SERVICE_MIN);
	struct plan_service *list = plan_read_array(d, n, sizeof *list);
	p->service_count = (uint32_t)n; /* which needs are held against */
	for (size_t i = 0; list && i < n && !d->r->failed; i++) {
		struct plan_service *s = &list[i];
		s->name = plan_read_text(d, true);
		s->owner = read_owner(d);
		read_policy(d, &s->policy);
		s->agree = get_u8(d->r);
		plan_require(d, s->agree <= POLICY_AGREE_LOCAL);
		read_needs(d, p, &s->needs);
		s->removals = get_u16(d->r);
		s->removals_pct = get_u8(d->r);
		plan_require(d, s->removals <= POLICY_MEMBERS_MAX && s->removals_pct <= 100 && (s->removals == 0 || s->removals_pct == 0));
		s->file = plan_read_text(d, false);
		s->line = get_u32(d->r);
		read_members(d, p, s);
	}
	p->services = list;
}

static int add_unique(struct table *t, const void *key, size_t len)
{
	int e = table_add(t, key, len, t); /* any value that is not NULL */
	return e == ERR_EXISTS ? ERR_FORMAT : e;
}

static int check_unique(const struct plan *p)
{
	struct table keys, owners;
	int e = 0;
	table_init(&keys, &(struct hash_key){ { p->digest, p->generation } });
	table_init(&owners, &keys.key);
	for (size_t i = 0; e == 0 && i < p->stream_count; i++)
		e = add_unique(&keys, &p->streams[i].key, sizeof p->streams[i].key);
	for (size_t i = 0; e == 0 && i < p->service_count; i++)
		e = add_unique(&owners, p->services[i].owner, name_len(p->services[i].owner));
	table_deinit(&owners);
	table_deinit(&keys);
	return e;
}

static int check_ranks(const struct plan *p)
{
	uint8_t *rank = calloc((size_t)p->service_count + 1, sizeof *rank);
	int e = rank ? plan_ranks(p, rank) : ERR_NOMEM;
	free(rank);
	return e;
}

static void read_head(struct plan_reader *d, struct plan *p)
{
	plan_require(d, get_u32(d->r) == PLAN_WIRE_MAGIC);
	if (get_u16(d->r) != PLAN_WIRE_VERSION)
		plan_fail(d, ERR_VERSION);
	p->generation = get_u64(d->r);
	p->digest = get_u64(d->r);
	p->file = plan_read_text(d, false);
	read_limits(d, &p->limits);
}

int plan_decode(struct plan **p, const void *data, size_t len)
{
	struct rbuf r;
	struct plan *new = plan_new();
	if (!new)
		return ERR_NOMEM;
	rbuf_init(&r, data, len);
	struct plan_reader d = { .r = &r, .arena = &new->arena };
	read_head(&d, new);
	read_pair(&d, &new->pair);
	read_admin(&d, &new->admin);
	read_nodes(&d, new);
	read_files(&d, new);
	read_scripts(&d, new);
	read_streams(&d, new);
	read_services(&d, new);
	int bad = r.failed ? 0 : plan_windows_get(&r, new);
	if (bad < 0)
		plan_fail(&d, bad);
	plan_require(&d, rbuf_left(&r) == 0);
	int e = result_of(&d);
	if (e == 0)
		e = check_unique(new);
	if (e == 0)
		e = check_ranks(new);
	if (e < 0) {
		plan_free(new);
		return e;
	}
	*p = new;
	return 0;
}
