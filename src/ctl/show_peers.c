/* `peers` and `key`: what a node knows of its twins.
 *
 * peers  {"node":"ns1","self":"normal","lhm":0,"digest":"5f0c…",         these of this node; not without a pair
 *         "peers":[{"node":"ns2","id":2,"link":"active","self":"normal","since":"…Z","heard":"…Z","rtt_us":350,"loss_permille":0,
 *          "clock_ms":-3,"phi":0.2,"lhm":0,"transport":"udp","key":"a1","key_since":"…Z","keys":"a1 b2","undecryptable":0,
 *          "targets":6,"common":6,"alike":5,"counts":true,"digest":"77ab…","same_config":false,"config":"checks, services (1 differ, 0 only here, 2 only there): www.example.test",
 *          "same_zones":false,"zones":"1 differ, 0 only here, 0 only there: example.test (serial 4, there 3)","same_records":true}],
 *         "differ":[{"node":"ns2","target":"192.0.2.1:80","check":"web","own":"up","twin":"down"}],     the first 32 of each peer that counts
 *         "packets":{"sent":…,"received":…,"bytes_sent":…,"bytes_received":…,"refused_short":…,…}}      null without a pair
 * key    {"keys":[{"id":"a1","sends":true}],
 *         "peers":[{"node":"ns2","link":"active","uses":"a1","since":"…Z","accepts":"a1 b2"}],
 *         "next":"ns2 does not accept b2 yet: run `gemelctl key accept` there"}
 *
 * `key send ID` and `key drop ID` change nothing here: they tell whether that step is safe now. gemelctl takes it, in the key file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/show.h"
#include "ctl/verbs.h"

/* ---- peers ---- */

/* How unlikely so long a silence is, by what its echoes were; only shown. */
static double phi_of(const struct ctl_host *h, const struct pair_peer_view *v)
{
	uint64_t age_ms = h->now_ms > v->echo_ms ? h->now_ms - v->echo_ms : 0;
	return view_phi((double)age_ms, v->echo_mean_ms, v->echo_dev_ms, v->interval_ms);
}

static char *ids_text(const uint8_t *ids, size_t n, char out[3 * PAIR_KEYS_MAX + 1])
{
	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		snprintf(out + strlen(out), 4, "%s%02x", i ? " " : "", ids[i]);
	return out;
}

static void show_way(const struct ctl_host *h, const struct pair_peer_view *v, struct doc *d)
{
	bool heard = v->heard_ms != 0;
	if (heard)
		doc_us(d, "rtt_us", v->rtt_us);
	else
		doc_null(d, "rtt_us");
	doc_for(d, DOC_JSON);
	doc_uint(d, "loss_permille", v->loss_permille);
	doc_int(d, "clock_ms", v->clock_offset_ms);
	doc_for(d, DOC_PEOPLE);
	doc_printf(d, "loss", "%u.%u%%", v->loss_permille / 10u, v->loss_permille % 10u);
	doc_printf(d, "clock", "%+" PRId64 "ms", v->clock_offset_ms);
	doc_for(d, DOC_BOTH);
	if (v->echo_ms)
		doc_number(d, "phi", phi_of(h, v));
	else
		doc_null(d, "phi");
	doc_uint(d, "lhm", v->lhm);
	doc_text(d, "transport", !heard ? NULL : v->link == PAIR_TCP_ONLY ? "tcp" : v->stream ? "udp, tcp" : "udp");
}

static void show_keys_of(const struct ctl_host *h, const struct pair_peer_view *v, struct doc *d)
{
	uint8_t ids[PAIR_KEYS_MAX];
	char text[3 * PAIR_KEYS_MAX + 1];
	size_t n = core_peer_keys(h->core, v->id, ids);
	if (v->key_since_ms)
		doc_printf(d, "key", "%02x", v->key_id);
	else
		doc_text(d, "key", NULL);
	doc_for(d, DOC_JSON);
	doc_time(d, "key_since", v->key_since_ms ? view_wall_past(h, v->key_since_ms) : 0, h->wall_ms);
	doc_text(d, "keys", n ? ids_text(ids, n, text) : NULL);
	doc_uint(d, "undecryptable", v->undecryptable);
	doc_for(d, DOC_BOTH);
}

/* counts: what it says is still what it sees. Of one that is lost we have only what it said last. */
static void show_agreement(const struct core_agreement *a, bool counts, struct doc *d)
{
	doc_for(d, DOC_PEOPLE);
	if (counts)
		doc_printf(d, "alike", "%" PRIu32 " of %" PRIu32, a->alike, a->targets);
	else
		doc_text(d, "alike", NULL);
	doc_for(d, DOC_JSON);
	doc_uint(d, "targets", a->targets);
	doc_uint(d, "common", a->common);
	doc_uint(d, "alike", a->alike);
	doc_bool(d, "counts", counts);
	doc_for(d, DOC_BOTH);
}

static void show_config(const struct ctl_host *h, const struct pair_peer_view *v, struct doc *d)
{
	bool heard = v->heard_ms != 0, same = heard && v->config_digest == core_plan(h->core)->digest;
	struct core_difference diff;
	char text[256];
	bool known = heard && !same && core_difference_get(h->core, v->id, &diff);
	if (known)
		core_difference_text(&diff, text, sizeof text);
	doc_for(d, DOC_PEOPLE);
	doc_word(d, "config", !heard ? NULL : same ? "same" : known ? text : "differs", same ? DOC_GOOD : DOC_BAD);
	doc_for(d, DOC_JSON);
	if (heard)
		doc_printf(d, "digest", "%016" PRIx64, v->config_digest);
	else
		doc_null(d, "digest");
	doc_bool(d, "same_config", same);
	doc_text(d, "config", known ? text : NULL);
	doc_for(d, DOC_BOTH);
}

static void show_served(const struct ctl_host *h, const struct pair_peer_view *v, struct doc *d)
{
	struct core_zones_difference diff;
	char text[256];
	enum core_zones_state state = core_zones_get(h->core, v->id, &diff);
	core_zones_text(&diff, text, sizeof text);
	doc_for(d, DOC_PEOPLE);
	doc_word(d, "zones", state == CORE_ZONES_UNTOLD ? NULL : state == CORE_ZONES_SAME ? "same" : text[0] ? text : "differ",
		 state == CORE_ZONES_SAME ? DOC_GOOD : DOC_BAD);
	doc_for(d, DOC_JSON);
	if (state == CORE_ZONES_UNTOLD)
		doc_null(d, "same_zones");
	else
		doc_bool(d, "same_zones", state == CORE_ZONES_SAME);
	doc_text(d, "zones", text[0] ? text : NULL);
	doc_for(d, DOC_BOTH);
}

static void show_peer(const struct ctl_host *h, const struct pair_peer_view *v, struct doc *d)
{
	bool heard = v->heard_ms != 0;
	struct core_agreement a;
	core_agreement_get(h->core, v->id, &a);
	doc_row(d);
	doc_text(d, "node", view_node_name(h, v->id));
	doc_uint(d, "id", v->id);
	doc_word(d, "link", pair_link_state_text(v->link), show_link_tone(v->link));
	doc_text(d, "self", heard ? pair_self_state_text(v->self) : NULL);
	doc_time(d, "since", view_wall_past(h, v->since_ms), h->wall_ms);
	doc_time(d, "heard", heard ? view_wall_past(h, v->heard_ms) : 0, h->wall_ms);
	show_way(h, v, d);
	show_keys_of(h, v, d);
	show_agreement(&a, pair_is_fresh(core_pair(h->core), v->id, h->now_ms), d);
	show_config(h, v, d);
	show_served(h, v, d);
	doc_bool(d, "same_records", heard && v->shelves_equal);
	doc_row_end(d);
}

static void show_differing(const struct ctl_host *h, uint8_t node, struct doc *d)
{
	struct core_agreement a;
	char text[ADDR_TEXT_MAX];
	if (!pair_is_fresh(core_pair(h->core), node, h->now_ms))
		return;
	core_agreement_get(h->core, node, &a);
	for (size_t i = 0; i < a.differ_count; i++) {
		doc_row(d);
		doc_text(d, "node", view_node_name(h, node));
		doc_text(d, "target", addr_format(&a.differ[i].stream->addr, true, text));
		doc_text(d, "check", a.differ[i].stream->check);
		doc_text(d, "own", view_vote_text((enum health_verdict)a.differ[i].ours));
		doc_text(d, "twin", view_vote_text((enum health_verdict)a.differ[i].theirs));
		doc_row_end(d);
	}
}

void show_all_packets(const struct pair_stats *s, struct doc *d)
{
	const struct { const char *key; uint64_t v; } counts[] = {
		{ "sent", s->sent }, { "received", s->received }, { "bytes_sent", s->bytes_sent },
		{ "bytes_received", s->bytes_received }, { "refused_short", s->refused_short },
		{ "refused_header", s->refused_header }, { "refused_version", s->refused_version },
		{ "refused_unknown_peer", s->refused_unknown_peer }, { "refused_auth", s->refused_auth }, { "refused_flood", s->refused_flood },
		{ "refused_streams", s->refused_streams }, { "streams_cut", s->streams_cut },
		{ "refused_format", s->refused_format }, { "refused_session", s->refused_session },
		{ "refused_replay", s->refused_replay }, { "refused_memory", s->refused_memory },
		{ "hellos", s->hellos }, { "hello_answers", s->hello_answers }, { "deltas", s->deltas },
		{ "records", s->records }, { "pulls", s->pulls }, { "refutes", s->refutes },
		{ "divergences", s->divergences }, { "duplicates", s->duplicates }, { "skews", s->skews },
	};
	doc_group(d, "packets");
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		doc_uint(d, counts[i].key, counts[i].v);
	doc_group_end(d);
}

/* With two addresses every packet comes twice: what is refused as a repetition is nothing to worry about. */
static void show_packets(const struct pair_stats *s, struct doc *d)
{
	if (d->form == DOC_JSON) {
		show_all_packets(s, d);
		return;
	}
	doc_group(d, "packets");
	doc_uint(d, "sent", s->sent);
	doc_uint(d, "received", s->received);
	doc_uint(d, "refused", s->refused_short + s->refused_header + s->refused_version + s->refused_unknown_peer + s->refused_auth +
				       s->refused_flood + s->refused_streams + s->refused_format + s->refused_session + s->refused_memory);
	doc_uint(d, "repeated", s->refused_replay);
	doc_group_end(d);
}

enum call_next show_peers(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	const struct pair *p = core_pair(h->core);
	struct pair_stats packets;
	struct pair_peer_view v;
	if (p) {
		doc_text(d, "node", view_node(h)->name);
		doc_word(d, "self", pair_self_state_text(pair_self(p)), pair_self(p) == PAIR_NORMAL ? DOC_GOOD : DOC_UNSURE);
		doc_uint(d, "lhm", pair_lhm(p));
		doc_for(d, DOC_JSON);
		doc_printf(d, "digest", "%016" PRIx64, core_plan(h->core)->digest);
		doc_for(d, DOC_BOTH);
	}
	doc_list(d, "peers");
	for (size_t i = 0; p && i < pair_peers(p); i++) {
		pair_peer_get(p, i, &v, h->now_ms);
		show_peer(h, &v, d);
	}
	doc_list_end(d);
	doc_for(d, DOC_JSON);
	doc_list(d, "differ");
	for (size_t i = 0; p && i < pair_peers(p); i++) {
		pair_peer_get(p, i, &v, h->now_ms);
		show_differing(h, v.id, d);
	}
	doc_list_end(d);
	doc_for(d, DOC_BOTH);
	if (p)
		show_packets(view_pair_totals(&packets, h, p), d);
	else
		doc_null(d, "packets");
	return CALL_ANSWER;
}

/* ---- key ---- */

static bool has_id(const uint8_t *ids, size_t n, uint8_t id)
{
	return memchr(ids, id, n) != NULL;
}

/* Why it is not safe now that this node sends with the key; false = it is. */
static bool find_deaf(const struct ctl_host *h, uint8_t id, char *why, size_t cap)
{
	const struct pair *p = core_pair(h->core);
	for (size_t i = 0; i < pair_peers(p); i++) {
		struct pair_peer_view v;
		uint8_t ids[PAIR_KEYS_MAX];
		pair_peer_get(p, i, &v, h->now_ms);
		size_t n = core_peer_keys(h->core, v.id, ids);
		if (pair_is_fresh(p, v.id, h->now_ms) && has_id(ids, n, id))
			continue;
		if (pair_is_fresh(p, v.id, h->now_ms))
			snprintf(why, cap, "%s does not accept %02x yet: run `gemelctl key accept` there", view_node_name(h, v.id), id);
		else
			snprintf(why, cap, "%s is not heard, and nobody knows whether it accepts %02x", view_node_name(h, v.id), id);
		return true;
	}
	return false;
}

/* The same of dropping it: somebody still sends with it. */
static bool find_user(const struct ctl_host *h, uint8_t id, char *why, size_t cap)
{
	const struct pair *p = core_pair(h->core);
	for (size_t i = 0; i < pair_peers(p); i++) {
		struct pair_peer_view v;
		uint8_t ids[PAIR_KEYS_MAX];
		pair_peer_get(p, i, &v, h->now_ms);
		size_t n = core_peer_keys(h->core, v.id, ids);
		bool fresh = pair_is_fresh(p, v.id, h->now_ms);
		if (fresh && v.key_id != id && n && ids[0] != id)
			continue;
		if (fresh)
			snprintf(why, cap, "%s still sends with %02x: run `gemelctl key send` there", view_node_name(h, v.id), id);
		else
			snprintf(why, cap, "%s is not heard, and nobody knows whether it still sends with %02x", view_node_name(h, v.id), id);
		return true;
	}
	return false;
}

static void next_step(const struct ctl_host *h, const uint8_t *ids, size_t n, char *out, size_t cap)
{
	char why[192];
	if (n == 1)
		snprintf(out, cap, "nothing: one key, and nothing to do (gemelctl key new FILE, then key accept FILE, begins a change)");
	else if (!find_user(h, ids[1], why, sizeof why))
		snprintf(out, cap, "every node sends with %02x: gemelctl key drop %02x; or it accepts %02x already, and sends it with gemelctl "
			 "key send %02x", ids[0], ids[1], ids[1], ids[1]);
	else if (!find_deaf(h, ids[1], why, sizeof why))
		snprintf(out, cap, "every node accepts %02x: gemelctl key send %02x", ids[1], ids[1]);
	else
		snprintf(out, cap, "%s", why);
}

static enum call_next show_keys(const struct ctl_host *h, struct doc *d)
{
	const struct pair *p = core_pair(h->core);
	uint8_t ids[PAIR_KEYS_MAX], theirs[PAIR_KEYS_MAX];
	char text[320];
	size_t n = pair_key_ids(p, ids);
	doc_list(d, "keys");
	for (size_t i = 0; i < n; i++) {
		doc_row(d);
		doc_printf(d, "id", "%02x", ids[i]);
		doc_bool(d, "sends", i == 0);
		doc_row_end(d);
	}
	doc_list_end(d);
	doc_list(d, "peers");
	for (size_t i = 0; i < pair_peers(p); i++) {
		struct pair_peer_view v;
		pair_peer_get(p, i, &v, h->now_ms);
		size_t m = core_peer_keys(h->core, v.id, theirs);
		doc_row(d);
		doc_text(d, "node", view_node_name(h, v.id));
		doc_word(d, "link", pair_link_state_text(v.link), show_link_tone(v.link));
		if (v.key_since_ms)
			doc_printf(d, "uses", "%02x", v.key_id);
		else
			doc_text(d, "uses", NULL);
		doc_time(d, "since", v.key_since_ms ? view_wall_past(h, v.key_since_ms) : 0, h->wall_ms);
		doc_text(d, "accepts", m ? ids_text(theirs, m, text) : NULL);
		doc_row_end(d);
	}
	doc_list_end(d);
	next_step(h, ids, n, text, sizeof text);
	doc_text(d, "next", text);
	return CALL_ANSWER;
}

enum call_next show_key(struct call *c, const struct ctl_host *h, struct doc *d)
{
	uint8_t ids[PAIR_KEYS_MAX];
	char why[192], *end = NULL;
	bool forced = c->option[OPTION_FORCE] != NULL;
	if (!core_pair(h->core))
		return call_fail(c, CALL_EXIT_FAILED, "this node has no pair, so it has no keys");
	if (c->word_count == 0)
		return show_keys(h, d);
	bool send = strcmp(c->words[0], "send") == 0;
	if (c->word_count != 2 || (!send && strcmp(c->words[0], "drop") != 0))
		return call_fail(c, CALL_EXIT_USAGE, "usage: gemelctl key [new FILE|accept FILE|send ID|drop ID] [--force]");
	unsigned long id = strtoul(c->words[1], &end, 16);
	size_t n = pair_key_ids(core_pair(h->core), ids);
	if (strlen(c->words[1]) != 2 || *end || !has_id(ids, n, (uint8_t)id))
		return call_fail(c, CALL_EXIT_FAILED, "this node has no key %.16s; see gemelctl key", c->words[1]);
	if (!send && ids[0] == id)
		return call_fail(c, CALL_EXIT_FAILED, "this node sends with %02lx itself: gemelctl key send another one first", id);
	if (!forced && send ? find_deaf(h, (uint8_t)id, why, sizeof why) : !forced && find_user(h, (uint8_t)id, why, sizeof why))
		return call_fail(c, CALL_EXIT_FAILED, "refused: %s; or say --force", why);
	return CALL_ANSWER;
}
