/* A node's own events on its twin: what only that node sees (alarms, its network, its prober, its links, its checks) is shown
 * on the others too, with it as the observer.
 *
 *     history ──newest SLOTS──▶ shelf, kind 7 ──▶ twin: number above the last one heard? ──▶ its history, observer = the owner
 *
 *     key: number mod SLOTS        value: number 8 | wall ms 8 | kind 1 | subject, old, new, cause, reason: each len 1, text
 *
 * The shelf never holds more than SLOTS of them, whatever happens: a newer one takes the place of an elder, so nothing has to be
 * removed. Who was away for more than that misses the elder ones, which stand in the owner's own history. Verdicts, a twin's
 * states and overrides are replicated already and told from there (hear.c), answers and windows each node tells itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

#define SLOTS 16
#define SUBJECT_MAX 64 /* with the NULs; all at their longest fit into a value */
#define STATE_MAX 32
#define CAUSE_MAX NOTICE_CAUSE_MAX
#define REASON_MAX 90
_Static_assert(17 + SUBJECT_MAX + 2 * STATE_MAX + CAUSE_MAX + REASON_MAX <= PAIR_VALUE_MAX, "each text has a length in place of its NUL");

static bool is_shared(const struct core_notice *n)
{
	switch (n->kind) {
	case CORE_NOTICE_LINK:
	case CORE_NOTICE_NETWORK:
	case CORE_NOTICE_PROBER:
	case CORE_NOTICE_NODE:
	case CORE_NOTICE_CHECK:
	case CORE_NOTICE_CANARY:
	case CORE_NOTICE_ALARM:
	case CORE_NOTICE_HOOK:
	case CORE_NOTICE_FLAP:
		return true;
	case CORE_NOTICE_VERDICT:
	case CORE_NOTICE_ANSWER:
	case CORE_NOTICE_OVERRIDE:
	case CORE_NOTICE_REMOVALS:
	case CORE_NOTICE_WINDOW:
	case CORE_NOTICE_NONE:
	case CORE_NOTICE_KINDS:
		break;
	}
	return false;
}

/* ---- ours ---- */

static void put_text(struct wbuf *w, const char *text, size_t max)
{
	size_t len = strlen(text);
	if (len > max - 1)
		len = max - 1;
	put_u8(w, (uint8_t)len);
	put_bytes(w, text, len);
}

static bool write_one(struct core *c, const struct core_notice *n)
{
	uint8_t value[PAIR_VALUE_MAX];
	struct wbuf w;
	wbuf_init(&w, value, sizeof value);
	put_u64(&w, n->number);
	put_u64(&w, n->wall_ms);
	put_u8(&w, (uint8_t)n->kind);
	put_text(&w, n->subject, SUBJECT_MAX);
	put_text(&w, n->old, STATE_MAX);
	put_text(&w, n->new, STATE_MAX);
	put_text(&w, n->cause, CAUSE_MAX);
	put_text(&w, n->reason, REASON_MAX);
	return pair_write(c->pair, PAIR_NOTICE, n->number % SLOTS, value, w.len, c->now_ms) >= 0;
}

/* Only what is newer than was written, and of that the newest: a flood costs no more than the shelf holds. */
void news_tell(struct core *c)
{
	const char *self = gen_self(c->gen)->name;
	size_t count = core_notices(c), from = count;
	struct core_notice n;
	if (c->news_told == c->history.last)
		return;
	while (from > 0 && count - from < SLOTS) {
		core_notice_get(c, from - 1, &n);
		if (n.number <= c->news_told)
			break;
		from--;
	}
	for (; from < count; from++) {
		core_notice_get(c, from, &n);
		if (is_shared(&n) && strcmp(n.observer, self) == 0 && !write_one(c, &n)) {
			c->nomem = true;
			return; /* from there with the next step */
		}
		c->news_told = n.number;
	}
	c->news_told = c->history.last;
}

/* ---- a twin's ---- */

static void get_text(struct rbuf *r, char *out, size_t cap)
{
	size_t len = get_u8(r);
	const uint8_t *text = get_bytes(r, len);
	if (!text || len >= cap) {
		r->failed = true;
		return;
	}
	memcpy(out, text, len);
	out[len] = 0;
	text_clean(out);
}

/* Clean, whoever wrote it; false where it is none. */
static bool value_get(const struct pair_record *r, struct core_notice *out, uint64_t *number)
{
	struct core_notice n = { 0 };
	struct rbuf in;
	rbuf_init(&in, r->value, r->value_len);
	*number = get_u64(&in);
	n.wall_ms = get_u64(&in);
	n.kind = (enum core_notice_kind)get_u8(&in);
	get_text(&in, n.subject, sizeof n.subject);
	get_text(&in, n.old, sizeof n.old);
	get_text(&in, n.new, sizeof n.new);
	get_text(&in, n.cause, sizeof n.cause);
	get_text(&in, n.reason, sizeof n.reason);
	if (in.failed || !is_shared(&n))
		return false;
	*out = n;
	return true;
}

static uint64_t number_of(const struct core_notice *n)
{
	return notice_is_relayed(n) ? strtoull(n->detail + strlen(NOTICE_RELAYED), NULL, 10) : 0;
}

/* The last one that our history has of the node: it outlives our starts. */
static uint64_t last_heard(const struct core *c, const char *node)
{
	struct core_notice n;
	for (size_t i = core_notices(c); i-- > 0;) {
		core_notice_get(c, i, &n);
		if (number_of(&n) && strcmp(n.observer, node) == 0)
			return number_of(&n);
	}
	return 0;
}

void news_learn(struct core *c, const struct pair_record *r)
{
	struct core_notice n;
	uint64_t number;
	size_t i = 0;
	while (i < c->peer_count && c->peers[i].id != r->owner)
		i++;
	if (i == c->peer_count || !value_get(r, &n, &number))
		return;
	const char *node = core_node_name(c, r->owner);
	if (!c->peers[i].event_known)
		c->peers[i].event = last_heard(c, node);
	c->peers[i].event_known = true;
	if (number <= c->peers[i].event || !hear_may_be_told(c, r->owner))
		return;
	c->peers[i].event = number;
	snprintf(n.observer, sizeof n.observer, "%s", node);
	notice_detail_add(&n, "number", "%" PRIu64, number);
	notice_put(c, &n);
}
