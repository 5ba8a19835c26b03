/* The configured limits, put in force: at the start, and again at each reload. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <urcu-qsbr.h>
#include "app/responder_state.h"
#include "io/log.h"

/* A client's queries come to all workers alike: the kernel chooses the socket by address and port, and resolvers ask from
 * random ports (RFC 5452).  So each worker gives an equal part of the rate, and the node as a whole gives what was
 * configured; one that always asks from the same port gets one worker's part. */
static void share(struct rate_limits *out, const struct plan_rrl *l, unsigned workers)
{
	memset(out, 0, sizeof *out); /* it is compared octet by octet */
	if (!l->per_s)
		return;
	out->per_s = l->per_s > workers ? l->per_s / workers : 1;
	out->window_ms = l->window_ms;
	out->accounts = l->table;
	out->slip = l->slip;
	for (size_t i = 0; i < l->exempt_count && i < RATE_EXEMPT_MAX; i++) {
		struct addr_block *b = &out->exempt[out->exempt_count++];
		b->base.family = l->exempt[i].base.family;
		memcpy(b->base.ip, l->exempt[i].base.ip, sizeof b->base.ip);
		b->prefix_len = l->exempt[i].prefix_len;
	}
}

static void free_all(struct rate **list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		rate_free(list[i]);
}

static bool make_all(struct rate **list, const struct rate_limits *l, unsigned count)
{
	struct hash_key key;
	if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
		return false;
	for (unsigned i = 0; i < count; i++) {
		list[i] = rate_new(l, &key);
		if (!list[i]) {
			free_all(list, i);
			return false;
		}
	}
	return true;
}

static void apply_rrl(struct responder *r, const struct plan_rrl *l)
{
	struct rate *new[RESPONDER_WORKERS_MAX] = { NULL }, *old[RESPONDER_WORKERS_MAX] = { NULL };
	struct rate_limits limits;
	share(&limits, l, r->worker_count);
	if (r->rate_tables == r->worker_count && memcmp(&limits, &r->rate_limits, sizeof limits) == 0)
		return; /* as it was: debts are kept */
	if (limits.per_s && !make_all(new, &limits, r->worker_count)) {
		log_line(LOG_LEVEL_ERROR, "alarm: no memory for the accounts of response rate limiting; it stays as it was");
		return;
	}
	for (unsigned i = 0; i < RESPONDER_WORKERS_MAX; i++) {
		old[i] = r->workers[i].rate;
		rcu_assign_pointer(r->workers[i].rate, new[i]);
	}
	r->rate_limits = limits;
	r->rate_tables = r->worker_count;
	synchronize_rcu();
	free_all(old, RESPONDER_WORKERS_MAX);
}

void limits_tick(struct responder *r, uint64_t now_ms)
{
	struct rate_watched w[RATE_WATCHED_MAX];
	struct limited_net ended;
	char text[LIMITED_TEXT_MAX];
	for (unsigned i = 0; i < r->worker_count; i++) {
		size_t count = r->workers[i].rate ? rate_take_watched(r->workers[i].rate, w) : 0;
		for (size_t k = 0; k < count; k++)
			if (limited_note(&r->limited, &w[k], now_ms))
				log_line(LOG_LEVEL_NOTICE, "responses to %s are limited (limits.rrl)", limited_net_text(w[k].net, text));
	}
	while (limited_take_ended(&r->limited, now_ms, r->rate_limits.window_ms, &ended))
		log_line(LOG_LEVEL_NOTICE, "responses to %s are no longer limited: %" PRIu64 " dropped and %" PRIu64 " truncated in %" PRIu64 " s",
			 limited_net_text(ended.net, text), ended.dropped, ended.slipped, (ended.last_ms - ended.since_ms) / 1000 + 1);
}

static void apply_subnets(struct responder *r, const struct plan_limits *l)
{
	struct answer_nets *new = calloc(1, sizeof *new), *old = r->subnet_from;
	if (!new) {
		log_line(LOG_LEVEL_ERROR, "alarm: no memory for limits.client_subnet_from; it stays as it was");
		return;
	}
	for (; new->count < l->subnet_from_count && new->count < ANSWER_NETS_MAX; new->count++)
		new->net[new->count] = l->subnet_from[new->count];
	r->subnet_from = new;
	__atomic_store_n(&r->limits.subnet_from, new, __ATOMIC_RELEASE);
	if (old)
		synchronize_rcu();
	free(old);
}

static uint8_t cookies_of(uint8_t configured)
{
	return configured == PLAN_COOKIES_OFF ? ANSWER_COOKIES_OFF :
	       configured == PLAN_COOKIES_STRICT ? ANSWER_COOKIES_STRICT : ANSWER_COOKIES_ON;
}

void limits_apply(struct responder *r, const struct plan_limits *l)
{
	r->limits.udp_edns_max = l->udp_edns_max < RESPONDER_UDP_MAX ? l->udp_edns_max : RESPONDER_UDP_MAX;
	r->tcp_max = l->tcp_max;
	r->tcp_per_source = l->tcp_per_source;
	r->tcp_idle_ms = l->tcp_idle_ms;
	r->limits.tcp_idle_ds = (uint16_t)(l->tcp_idle_ms / 100 < UINT16_MAX ? l->tcp_idle_ms / 100 : UINT16_MAX);
	r->limits.cookies = cookies_of(l->cookies);
	apply_subnets(r, l);
	apply_rrl(r, &l->rrl);
}
