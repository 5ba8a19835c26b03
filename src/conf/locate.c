/* Where a key stands: Lua knows the line of a call but not of the keys inside it, so on a fault the source is walked by
 * tokens.
 *
 *     service "www.example.test" {          line of the call, known from Lua: look here for  service <name> {
 *       check = "web",                      entry "check"
 *       tiers = { { "192.0.2.1" },          entry "tiers", then entries 1, 2 … of the inner tables
 *                 { "192.0.2.2", weigth = 3 } },
 *     }
 *
 * This reads no more Lua than it must: names, text, numbers, comments, brackets. A table that a variable or a function
 * made is not followed; the last line that was found is then good enough.
 */
#include "conf/scan.h"
#include "conf/value.h"

/* From the current token to the "," ";" or "}" that ends this entry. */
static void skip_value(struct scan *s)
{
	for (int depth = 0; s->t.kind != TOKEN_END; conf_scan_next(s)) {
		if (depth <= 0 && (conf_scan_is(s, ',') || conf_scan_is(s, ';') || conf_scan_is(s, '}')))
			return;
		depth += conf_scan_depth(&s->t);
	}
}

/* From an opening bracket to behind its closing one. */
static void skip_bracket(struct scan *s)
{
	int depth = 0;

	do {
		depth += conf_scan_depth(&s->t);
		conf_scan_next(s);
	} while (depth > 0 && s->t.kind != TOKEN_END);
}

/* Steps to the "{" of a value that is a table, or a call with one: all{…} atleast(2, {…}). */
static bool enter_value(struct scan *s)
{
	if (s->t.kind == TOKEN_NAME) {
		conf_scan_next(s);
		if (conf_scan_is(s, '(')) {
			do
				conf_scan_next(s);
			while (s->t.kind != TOKEN_END && !conf_scan_is(s, '{') && !conf_scan_is(s, ')'));
		}
	}
	return conf_scan_is(s, '{');
}

/* At "{". path runs from the outermost entry inwards. */
static void walk(struct scan *s, const struct conf_value *const *path, size_t depth, unsigned *line)
{
	for (size_t i = 0; i < depth; i++) {
		uint32_t place = 0;
		bool found = false;

		for (conf_scan_next(s); !conf_scan_is(s, '}') && s->t.kind != TOKEN_END; conf_scan_next(s)) {
			struct token key;
			bool keyed = conf_scan_key(s, &key);

			place += !keyed;
			found = keyed ? path[i]->key && key.kind != TOKEN_OTHER &&
				conf_scan_token_is(&key, path[i]->key) : path[i]->index == place;
			if (found) {
				*line = key.line;
				break;
			}
			skip_value(s);
			if (conf_scan_is(s, '}'))
				break;
		}
		if (!found || i + 1 == depth || !enter_value(s))
			return;
	}
}

/* Behind the word of the block's call: steps to its "{"; exact tells that the name was read there. */
static bool enter_block(struct scan *s, const char *name, bool *exact)
{
	*exact = !name;
	conf_scan_next(s);
	if (name) {
		if (s->t.kind == TOKEN_TEXT) {
			*exact = conf_scan_token_is(&s->t, name);
			conf_scan_next(s);
		} else if (conf_scan_is(s, '(')) {
			struct scan inner = *s;

			conf_scan_next(&inner);
			*exact = inner.t.kind == TOKEN_TEXT && conf_scan_token_is(&inner.t, name);
			skip_bracket(s);
		} else {
			return false;
		}
	}
	if (conf_scan_is(s, '('))
		conf_scan_next(s);
	return conf_scan_is(s, '{');
}

static bool find_block(struct scan *s, const struct conf_block *b)
{
	struct scan near = {0};
	bool exact;

	for (conf_scan_next(s); s->t.kind != TOKEN_END && s->t.line <= b->line; conf_scan_next(s)) {
		struct scan at = *s;

		if (s->t.line != b->line || s->t.kind != TOKEN_NAME ||
		    !conf_scan_token_is(&s->t, conf_kind_text(b->kind)))
			continue;
		if (enter_block(&at, b->name, &exact)) {
			if (exact) {
				*s = at;
				return true;
			}
			if (!near.p)
				near = at;
		}
	}
	if (near.p)
		*s = near;
	return near.p != NULL;
}

unsigned conf_locate(const struct conf_value *v)
{
	const struct conf_value *path[CONF_DEPTH_MAX + 2];
	const struct conf_block *b = v->block;
	struct scan s;
	unsigned line = b->line;
	size_t depth = 0;

	for (const struct conf_value *at = v; at->parent; at = at->parent)
		if (++depth > CONF_DEPTH_MAX + 1)
			return line;
	conf_scan_init(&s, b->source->text, b->source->len);
	if (!depth || !find_block(&s, b))
		return line;
	for (size_t i = depth; i; i--, v = v->parent)
		path[i - 1] = v;
	walk(&s, path, depth, &line);
	return line;
}
