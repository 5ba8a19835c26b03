/* on_event: the program that is told of events. See internal.h.
 *
 *     on_event = "/usr/local/bin/notify"
 *     on_event = { "/usr/local/bin/notify", "--pager", timeout = "5s", rate = 10, kinds = { "answer", "alarm" } }
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/internal.h"
#include "core/notice.h"

#define WORD_MAX 1024 /* octets of one argument */

static bool word_ok(struct conf *c, const struct conf_value *v)
{
	char text[CONF_VALUE_TEXT_MAX];

	if (v->type == CONF_STRING && v->string.len <= WORD_MAX)
		return true;
	if (v->type != CONF_TOLD)
		conf_fault(c, v, "\"on_event\" has %s; expected text of at most %d octets: the program's path, then its arguments",
			   conf_value_text(v, text), WORD_MAX);
	return false;
}

/* The program and its arguments as the plan has them; faults leave none. */
static void read_words(struct conf *c, const struct conf_value *v, struct plan_hook *h)
{
	const struct conf_value *list = v->type == CONF_TABLE ? v->table.list : v;
	uint32_t n = v->type == CONF_TABLE ? v->table.list_len : 1;
	size_t len = 0;
	char *argv;

	if (!n || n > PLAN_HOOK_WORDS_MAX) {
		conf_fault(c, v, "\"on_event\" has %u words; expected 1 to %d: the program's path, then its arguments", n,
			   PLAN_HOOK_WORDS_MAX);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!word_ok(c, &list[i]))
			return;
		len += list[i].string.len + 1;
	}
	if (list[0].string.s[0] != '/') {
		conf_fault(c, &list[0], "\"on_event\" runs \"%.80s\"; expected an absolute path such as \"/usr/local/bin/notify\"",
			   list[0].string.s);
		return;
	}
	if (len > PLAN_HOOK_LEN_MAX) {
		conf_fault(c, v, "\"on_event\" has %zu octets of arguments; expected at most %d", len, PLAN_HOOK_LEN_MAX);
		return;
	}
	argv = conf_alloc(c, len, 1);
	for (uint32_t i = 0, at = 0; argv && i < n; at += (uint32_t)list[i].string.len + 1, i++)
		memcpy(argv + at, list[i].string.s, list[i].string.len + 1);
	h->argv = argv;
	h->argv_len = argv ? (uint16_t)len : 0;
}

static const struct schema_word *kind_words(void)
{
	size_t n;

	return conf_schema_keys(SCHEMA_ON_EVENT, &n)[ON_EVENT_KINDS].words;
}

static uint32_t read_kinds(struct conf *c, const struct conf_value *v)
{
	uint32_t kinds = 0, n = !v ? 0 : v->type == CONF_TABLE ? v->table.list_len : 1;

	if (!v) {
		for (const struct schema_word *w = kind_words(); w->name; w++)
			kinds |= 1u << w->value;
		return kinds;
	}
	if (!n || (v->type == CONF_TABLE && v->table.field_count))
		conf_fields_fault(c, SCHEMA_ON_EVENT, ON_EVENT_KINDS, v);
	for (uint32_t i = 0; i < n; i++) {
		const struct conf_value *item = v->type == CONF_TABLE ? &v->table.list[i] : v;
		const struct schema_word *w = item->type == CONF_STRING ? conf_schema_word_find(kind_words(), item->string.s) : NULL;

		if (w)
			kinds |= 1u << w->value;
		else
			conf_fields_fault(c, SCHEMA_ON_EVENT, ON_EVENT_KINDS, item);
	}
	return kinds;
}

void conf_hook_read(struct conf *c, const struct conf_value *v, struct plan_hook *h)
{
	struct fields f = {.schema = SCHEMA_ON_EVENT};

	if (!v || v->type == CONF_TOLD)
		return;
	if (v->type == CONF_TABLE)
		conf_fields_check(c, SCHEMA_ON_EVENT, v, true, &f);
	else if (v->type != CONF_STRING) {
		conf_fields_fault(c, SCHEMA_NODE, NODE_ON_EVENT, v);
		return;
	}
	read_words(c, v, h);
	h->timeout_ms = (uint32_t)conf_fields_ms(&f, ON_EVENT_TIMEOUT);
	h->per_minute = (uint32_t)conf_fields_integer(&f, ON_EVENT_RATE);
	h->kinds = read_kinds(c, f.v[ON_EVENT_KINDS]);
}

/* Other nodes' programs need not be on this machine. */
void conf_hook_check(struct conf *c)
{
	const struct plan_hook *h = c->self >= 0 ? &c->nodes[c->self].hook : NULL;
	const struct conf_value *v;
	struct stat st;

	if (!h || !h->argv_len)
		return;
	v = c->node_fields[c->self].v[NODE_ON_EVENT];
	if (v->type == CONF_TABLE)
		v = &v->table.list[0];
	if (stat(h->argv, &st))
		conf_fault(c, v, "\"on_event\" runs %s: %s; expected a program", h->argv, strerror(errno));
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		conf_fault(c, v, "\"on_event\" runs %s, which is no file that can be executed; expected a program", h->argv);
}

const char *conf_hook_kind(const struct plan_hook *h, size_t i)
{
	for (const struct schema_word *w = kind_words(); w->name; w++)
		if (h->kinds & 1u << w->value && i-- == 0)
			return w->name;
	return NULL;
}
