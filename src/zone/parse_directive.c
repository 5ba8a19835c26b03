/* $ORIGIN name · $TTL time (RFC 2308 4) · $INCLUDE file [origin] (RFC 1035 5.1) · $GENERATE (parse_generate.c).
 *
 *     $INCLUDE hosts.inc sub     ; origin and owner are the old ones again after it
 */
#include "zone/parse.h"
#include <stdio.h>
#include "base/text.h"

bool parse_is_directive(const struct parse_line *l)
{
	const struct parse_token *t = &l->tokens[0];

	return !t->quoted && t->len > 0 && t->text[0] == '$';
}

/* Between min and max arguments? usage: what is expected, for people. */
static bool count_check(struct parse *p, size_t min, size_t max, const char *usage)
{
	const struct parse_line *l = &p->line;
	size_t args = l->count - 1;

	if (args < min)
		parse_error(p, &l->tokens[l->count - 1], "incomplete; expected %s", usage);
	else if (args > max)
		parse_error(p, &l->tokens[max + 1], "something is left over; expected %s", usage);
	return args >= min && args <= max;
}

static void directive_origin(struct parse *p)
{
	uint8_t name[NAME_WIRE_MAX];

	if (!count_check(p, 1, 1, "$ORIGIN and one name") || !parse_name(p, &p->line.tokens[1], "origin", name))
		return;
	memcpy(p->origin, name, name_len(name));
}

static void directive_ttl(struct parse *p)
{
	if (count_check(p, 1, 1, "$TTL and one time, such as $TTL 1h") &&
	    parse_ttl(p, &p->line.tokens[1], "$TTL", &p->ttl_default))
		p->has_ttl_default = true;
}

static const char *read_fault(int rc)
{
	return rc == ERR_LIMIT ? "it is too large" : err_text(rc);
}

/* The text of the file to include, every bound checked; *path is the zone's own copy. False after a fault. */
static bool include_open(struct parse *p, const struct parse_token *t, char **path, const char **text,
			 size_t *len)
{
	char q[PARSE_QUOTE_MAX], name[1024];
	const char *found; /* may be name itself */
	size_t n;
	int rc;

	if (p->read == NULL) {
		parse_error(p, t, "$INCLUDE is not allowed here; expected records only");
		return false;
	}
	if (p->depth >= ZONE_INCLUDE_DEPTH_MAX || p->includes >= ZONE_INCLUDE_MAX) {
		parse_error(p, t, "too many $INCLUDE; expected at most %d files within each other and %u in all",
			    ZONE_INCLUDE_DEPTH_MAX, ZONE_INCLUDE_MAX);
		return false;
	}
	if (!parse_octets(p, t, (uint8_t *)name, sizeof name - 1, &n))
		return false;
	if (n == 0 || n >= sizeof name || memchr(name, '\0', n) != NULL) {
		parse_error(p, t, "%s is no file name; expected $INCLUDE FILE [ORIGIN]", parse_quote(t, q));
		return false;
	}
	name[n] = '\0';
	rc = p->read(p->ctx, p->src->file, name, &found, text, len);
	if (rc < 0) {
		parse_error(p, t, "cannot read %s: %s; expected a file to include", parse_quote(t, q), read_fault(rc));
		return false;
	}
	if (parse_file_open(p, found)) {
		parse_error(p, t, "%s includes itself; expected another file", parse_quote(t, q));
		return false;
	}
	*path = arena_str(&p->z->files, found);
	if (*path == NULL)
		p->fatal = ERR_NOMEM;
	return *path != NULL;
}

static void directive_include(struct parse *p)
{
	uint8_t origin[NAME_WIRE_MAX], owner[NAME_WIRE_MAX], inside[NAME_WIRE_MAX];
	bool has_owner = p->has_owner, owner_bad = p->owner_bad;
	const char *text;
	char *path;
	size_t len;

	memcpy(origin, p->origin, sizeof origin);
	memcpy(owner, p->owner, sizeof owner);
	memcpy(inside, p->origin, sizeof inside);
	if (!count_check(p, 1, 2, "$INCLUDE FILE [ORIGIN]"))
		return;
	if (p->line.count == 3 && !parse_name(p, &p->line.tokens[2], "origin", inside))
		return;
	if (!include_open(p, &p->line.tokens[1], &path, &text, &len))
		return;
	p->includes++;
	memcpy(p->origin, inside, sizeof inside);
	parse_file(p, path, text, len);
	memcpy(p->origin, origin, sizeof origin);
	memcpy(p->owner, owner, sizeof owner);
	p->has_owner = has_owner;
	p->owner_bad = owner_bad;
}

static void directive_unknown(struct parse *p)
{
	static const char *const known[] = { "$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE" };
	const struct parse_token *t = &p->line.tokens[0];
	char q[PARSE_QUOTE_MAX], word[32];
	const char *near;

	snprintf(word, sizeof word, "%.*s", (int)(t->len < 31 ? t->len : 31), t->text);
	near = text_nearest(word, known, sizeof known / sizeof *known);
	parse_error(p, t, "unknown directive %s; expected $ORIGIN, $TTL, $INCLUDE or $GENERATE%s%s%s",
		    parse_quote(t, q), near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		    near != NULL ? "\"" : "");
}

void parse_directive(struct parse *p)
{
	const struct parse_token *t = &p->line.tokens[0];

	if (parse_is(t, "$ORIGIN"))
		directive_origin(p);
	else if (parse_is(t, "$TTL"))
		directive_ttl(p);
	else if (parse_is(t, "$INCLUDE"))
		directive_include(p);
	else if (parse_is(t, "$GENERATE"))
		parse_generate(p);
	else
		directive_unknown(p);
}
