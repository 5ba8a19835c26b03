/* The forms of a notice: see notice.h. */
#include <stdarg.h>
#include <stdio.h>
#include "base/text.h"
#include "core/journal.h"
#include "core/notice.h"
#include "core/state.h"

/* What the log calls its parts. */
static const struct { const char *name, *subject, *state; } words[CORE_NOTICE_KINDS] = {
	[CORE_NOTICE_NONE] = { "none", "subject", "new" },
	[CORE_NOTICE_VERDICT] = { "verdict", "address", "state" },
	[CORE_NOTICE_ANSWER] = { "answer", "service", "now" },
	[CORE_NOTICE_OVERRIDE] = { "override", "selector", "verb" },
	[CORE_NOTICE_LINK] = { "link", "peer", "state" },
	[CORE_NOTICE_NETWORK] = { "network", "path", "state" },
	[CORE_NOTICE_PROBER] = { "prober", "node", "state" },
	[CORE_NOTICE_NODE] = { "node", "node", "state" },
	[CORE_NOTICE_CHECK] = { "check", "check", "state" },
	[CORE_NOTICE_CANARY] = { "canary", "address", "state" },
	[CORE_NOTICE_ALARM] = { "alarm", "about", "state" },
	[CORE_NOTICE_HOOK] = { "hook", "program", "state" },
	[CORE_NOTICE_FLAP] = { "flap", "address", "state" },
	[CORE_NOTICE_REMOVALS] = { "removals", "service", "state" },
	[CORE_NOTICE_WINDOW] = { "window", "window", "state" },
};

const char *notice_kind_text(enum core_notice_kind k)
{
	return words[k < CORE_NOTICE_KINDS ? k : CORE_NOTICE_NONE].name;
}

bool notice_is_alarm(const struct core_notice *n)
{
	static const char *const bad[CORE_NOTICE_KINDS] = { [CORE_NOTICE_NETWORK] = "isolated", [CORE_NOTICE_PROBER] = "gone",
							    [CORE_NOTICE_CHECK] = "unknown", [CORE_NOTICE_CANARY] = "mute",
							    [CORE_NOTICE_REMOVALS] = "held", [CORE_NOTICE_WINDOW] = "held back" };
	if (n->kind == CORE_NOTICE_FLAP) /* that it began; in which of the two states is no matter */
		return strcmp(n->old, health_flapping_text(HEALTH_STEADY)) == 0;
	return n->kind == CORE_NOTICE_ALARM || n->kind == CORE_NOTICE_HOOK || (n->kind < CORE_NOTICE_KINDS && bad[n->kind] && strcmp(n->new, bad[n->kind]) == 0);
}

/* ---- detail ---- */

void notice_detail_add(struct core_notice *n, const char *key, const char *fmt, ...)
{
	char value[NOTICE_DETAIL_MAX];
	size_t at = strlen(n->detail);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	text_clean(value);
	int len = snprintf(n->detail + at, sizeof n->detail - at, "%s%s=%s", at ? "\n" : "", key, value);
	if (len < 0 || (size_t)len >= sizeof n->detail - at)
		n->detail[at] = '\0';
}

bool notice_detail_next(const char **at, const char **key, size_t *key_len, const char **value, size_t *value_len)
{
	while (**at) {
		const char *line = *at, *equals = strchr(line, '=');
		size_t len = strcspn(line, "\n");
		*at = line + len + (line[len] == '\n');
		if (!equals || equals == line || equals >= line + len)
			continue; /* not written by us */
		*key = line;
		*key_len = (size_t)(equals - line);
		*value = equals + 1;
		*value_len = len - *key_len - 1;
		return true;
	}
	return false;
}

/* ---- the log's line ---- */

struct log_text { char *out; size_t len; };

static void put_char(struct log_text *l, char ch)
{
	if (l->len + 1 < NOTICE_LINE_MAX)
		l->out[l->len++] = ch;
}

static void put_text(struct log_text *l, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_char(l, text[i]);
}

static bool is_plain(const char *v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (v[i] == ' ' || v[i] == '"' || v[i] == '=')
			return false;
	return len > 0;
}

/* Quoted where a reader could not tell its end; a quote within becomes an apostrophe. */
static void put_pair(struct log_text *l, const char *key, size_t key_len, const char *v, size_t len, bool quoted)
{
	quoted |= !is_plain(v, len);
	if (l->len)
		put_char(l, ' ');
	put_text(l, key, key_len);
	put_text(l, quoted ? "=\"" : "=", quoted ? 2 : 1);
	for (size_t i = 0; i < len; i++)
		put_char(l, (char)(v[i] == '"' ? '\'' : v[i]));
	if (quoted)
		put_char(l, '"');
}

static void put_known(struct log_text *l, const char *key, const char *v, bool quoted)
{
	if (*v)
		put_pair(l, key, strlen(key), v, strlen(v), quoted);
}

char *notice_line(const struct core_notice *n, char out[NOTICE_LINE_MAX])
{
	struct log_text l = { out, 0 };
	enum core_notice_kind k = n->kind < CORE_NOTICE_KINDS ? n->kind : CORE_NOTICE_NONE;
	const char *at = n->detail, *key, *value;
	size_t key_len, value_len;
	put_known(&l, "event", words[k].name, false);
	put_known(&l, words[k].subject, n->subject, false);
	while (notice_detail_next(&at, &key, &key_len, &value, &value_len))
		put_pair(&l, key, key_len, value, value_len, false);
	put_known(&l, words[k].state, n->new, false);
	put_known(&l, "was", n->old, false);
	put_known(&l, "cause", n->cause, false);
	put_known(&l, k == CORE_NOTICE_ALARM ? "what" : "reason", n->reason, true);
	put_known(&l, "observer", n->observer, false);
	out[l.len] = '\0';
	return out;
}

/* ---- JSON ---- */

static void member(struct json *j, const char *key, const char *v)
{
	json_key(j, key);
	json_string(j, *v ? v : NULL);
}

static void detail_json(struct json *j, const struct core_notice *n)
{
	const char *at = n->detail, *key, *value;
	char name[NOTICE_DETAIL_MAX], text[NOTICE_DETAIL_MAX];
	size_t key_len, value_len;
	uint64_t number;
	json_key(j, "detail");
	json_begin_object(j);
	while (notice_detail_next(&at, &key, &key_len, &value, &value_len)) {
		snprintf(name, sizeof name, "%.*s", (int)key_len, key);
		snprintf(text, sizeof text, "%.*s", (int)value_len, value);
		json_key(j, name);
		if (value_len < 16 && text_parse_u64(&number, text, 0, INT64_MAX) == 0)
			json_uint(j, number);
		else
			json_string(j, text);
	}
	json_end_object(j);
}

void notice_json(struct json *j, const struct core_notice *n)
{
	char utc[32];
	json_begin_object(j);
	json_key(j, "number");
	json_uint(j, n->number);
	json_key(j, "time");
	json_string(j, text_format_utc(n->wall_ms, utc));
	member(j, "kind", notice_kind_text(n->kind));
	member(j, "subject", n->subject);
	member(j, "old", n->old);
	member(j, "new", n->new);
	member(j, "cause", n->cause);
	member(j, "reason", n->reason);
	member(j, "observer", n->observer);
	detail_json(j, n);
	json_end_object(j);
}

/* ---- the record ---- */

_Static_assert(1 + 8 + 8 + 1 + 7 * 2 + NOTICE_SUBJECT_MAX + 2 * NOTICE_STATE_MAX + NOTICE_CAUSE_MAX + NOTICE_REASON_MAX +
	       NOTICE_OBSERVER_MAX + NOTICE_DETAIL_MAX <= NOTICE_RECORD_MAX && NOTICE_RECORD_MAX <= JOURNAL_RECORD_MAX,
	       "a notice fits into a record");

void notice_encode(struct wbuf *w, const struct core_notice *n)
{
	put_u8(w, RECORD_NOTICE);
	put_u64(w, n->number);
	put_u64(w, n->wall_ms);
	put_u8(w, (uint8_t)n->kind);
	put_str(w, n->old);
	put_str(w, n->new);
	put_str(w, n->cause);
	put_str(w, n->reason);
	put_str(w, n->observer);
	put_str(w, n->detail);
	put_str(w, n->subject);
}

/* text_clean would take the line ends too, which part the pairs. */
static void detail_clean(char *s)
{
	for (char *p = s; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
}

int notice_decode(struct core_notice *n, struct rbuf *r)
{
	struct core_notice in = { 0 };
	in.number = get_u64(r);
	in.wall_ms = get_u64(r);
	uint8_t kind = get_u8(r);
	get_str(r, in.old, sizeof in.old);
	get_str(r, in.new, sizeof in.new);
	get_str(r, in.cause, sizeof in.cause);
	get_str(r, in.reason, sizeof in.reason);
	get_str(r, in.observer, sizeof in.observer);
	get_str(r, in.detail, sizeof in.detail);
	get_str(r, in.subject, sizeof in.subject);
	if (r->failed || rbuf_left(r) || kind == CORE_NOTICE_NONE || kind >= CORE_NOTICE_KINDS)
		return ERR_FORMAT;
	in.kind = (enum core_notice_kind)kind;
	text_clean(in.old);
	text_clean(in.new);
	text_clean(in.cause);
	text_clean(in.reason);
	text_clean(in.observer);
	text_clean(in.subject);
	detail_clean(in.detail);
	*n = in;
	return 0;
}
