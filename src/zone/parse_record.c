/* Tokens → one record: owner, then TTL and class in either order, type, rdata.
 *
 *     www  300 IN  A 192.0.2.1
 *     www  IN 300  A 192.0.2.1
 *          A 192.0.2.2             ; white space first: the owner above
 */
#include "zone/parse.h"
#include <strings.h>
#include "zone/type.h"

struct record { /* where its parts stand */
	size_t at; /* next token */
	bool has_ttl;
	uint32_t ttl;
	const struct parse_token *ttl_at, *class_at;
};

/* ---- types ---- */

uint16_t parse_type_find(struct parse *p, const struct parse_token *t)
{
	char key[sizeof p->types[0].text] = { 0 };
	struct parse_type *slot;

	if (t->quoted || t->len == 0 || t->len > sizeof key)
		return t->quoted ? 0 : zone_type_find(t->text, t->len);
	memcpy(key, t->text, t->len);
	slot = &p->types[((unsigned)(uint8_t)key[0] * 7 + (unsigned)(uint8_t)key[t->len - 1] + t->len) %
			 PARSE_TYPE_CACHE];
	if (slot->type == 0 || memcmp(slot->text, key, sizeof key) != 0) {
		memcpy(slot->text, key, sizeof key);
		slot->type = zone_type_find(t->text, t->len);
	}
	return slot->type;
}

/* What other servers write into a zone for an answer that follows health: here a service of the configuration does. */
static bool is_foreign(const struct parse_token *t)
{
	static const char *const types[] = { "DYNA", "DYNC", "LUA", "ALIAS", "ANAME" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strlen(types[i]) == t->len && strncasecmp(types[i], t->text, t->len) == 0)
			return true;
	return false;
}

static void type_unknown(struct parse *p, const struct parse_token *t)
{
	const char *near = zone_type_nearest(t->text, t->len);
	char q[PARSE_QUOTE_MAX];

	if (is_foreign(t)) {
		parse_error(p, t, "%s is another server's own; expected A and AAAA records here, and where they follow health a service in the configuration",
			    parse_quote(t, q));
		return;
	}
	parse_error(p, t, "unknown record type %s; expected one such as A, AAAA or MX, or TYPE and its number%s%s%s",
		    parse_quote(t, q), near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		    near != NULL ? "\"" : "");
}

uint16_t parse_type(struct parse *p, const struct parse_token *t)
{
	uint16_t type = parse_type_find(p, t);

	if (type == 0)
		type_unknown(p, t);
	return type;
}

/* OPT, and 128 to 255: they live in questions and messages (RFC 6895 3.1). */
static bool type_is_data(uint16_t type)
{
	return type != DNS_TYPE_OPT && (type < 128 || type > 255);
}

/* ---- the parts ---- */

static bool class_read(struct parse *p, struct record *r, const struct parse_token *t)
{
	static const char *const other[] = { "CH", "HS", "CS" };
	bool in = parse_is(t, "IN") || parse_is(t, "CLASS1");
	bool is_class = in || (t->len > 5 && !t->quoted && strncasecmp(t->text, "CLASS", 5) == 0);
	char q[PARSE_QUOTE_MAX];

	for (size_t i = 0; i < sizeof other / sizeof *other && !is_class; i++)
		is_class = parse_is(t, other[i]);
	if (!is_class)
		return false;
	if (!in)
		parse_error(p, t, "class %s; expected IN", parse_quote(t, q));
	else if (r->class_at != NULL)
		parse_error(p, t, "a second class %s; expected a record type", parse_quote(t, q));
	r->class_at = t;
	return true;
}

static bool ttl_read(struct parse *p, struct record *r, const struct parse_token *t)
{
	char q[PARSE_QUOTE_MAX];

	if (t->quoted || t->len == 0 || t->text[0] < '0' || t->text[0] > '9')
		return false;
	if (r->ttl_at != NULL)
		parse_error(p, t, "a second TTL %s; expected a record type", parse_quote(t, q));
	else if (parse_ttl(p, t, "TTL", &r->ttl))
		r->has_ttl = true;
	r->ttl_at = t;
	return true;
}

static bool token_is_address(const struct parse_token *t)
{
	return t->len > 6 && t->text[0] >= '0' && t->text[0] <= '9' &&
	       (memchr(t->text, '.', t->len) != NULL || memchr(t->text, ':', t->len) != NULL);
}

/* "www 192.0.2.1", "www 2001:db8::1": what could be a TTL, for it begins with a digit, stands where a type belongs. */
static void type_forgotten(struct parse *p, const struct parse_token *t)
{
	char q[PARSE_QUOTE_MAX];

	parse_error(p, t, "no record type before %s; expected OWNER [TTL] [CLASS] TYPE DATA; did you mean %s", parse_quote(t, q),
		    memchr(t->text, ':', t->len) != NULL ? "AAAA" : "A");
}

static void type_missing(struct parse *p, const struct parse_token *first, bool owner_is_type)
{
	char q[PARSE_QUOTE_MAX];

	if (owner_is_type)
		parse_error(p, first,
			    "no record type after the owner %s; expected OWNER TYPE DATA, or white space first to "
			    "go on with the owner above",
			    parse_quote(first, q));
	else
		parse_error(p, first, "no record type; expected OWNER [TTL] [CLASS] TYPE DATA");
}

/* Owner, TTL, class and type; false after a fault that leaves nothing to go on with. */
static bool head_read(struct parse *p, struct record *r)
{
	const struct parse_line *l = &p->line;
	size_t errors = p->errors;

	for (; r->at < l->count; r->at++) {
		const struct parse_token *t = &l->tokens[r->at];

		if (r->at > 0 && token_is_address(t) && parse_type_find(p, &l->tokens[0]) != 0) {
			type_missing(p, &l->tokens[0], true);
			return false;
		}
		if ((r->at > 0 || l->inherits) && token_is_address(t)) {
			type_forgotten(p, t);
			return false;
		}
		if (!ttl_read(p, r, t) && !class_read(p, r, t))
			break;
	}
	if (r->at >= l->count) {
		if (p->errors == errors)
			type_missing(p, &l->tokens[0],
				     r->at == 1 && !l->inherits && parse_type_find(p, &l->tokens[0]) != 0);
		return false;
	}
	p->type = parse_type(p, &l->tokens[r->at]);
	if (p->type == 0)
		return false;
	p->z->soa_lost |= p->type == DNS_TYPE_SOA;
	p->z->ns_lost |= p->type == DNS_TYPE_NS;
	if (!type_is_data(p->type)) {
		char q[PARSE_QUOTE_MAX];

		parse_error(p, &l->tokens[r->at],
			    "%s stands for a question or a message; expected a type that a zone can hold",
			    parse_quote(&l->tokens[r->at], q));
		return false;
	}
	return p->errors == errors;
}

/* The owner, which later records inherit; false where it is at fault, and then their being checked goes on. */
static bool owner_read(struct parse *p, struct record *r)
{
	const struct parse_token *t = &p->line.tokens[0];
	uint8_t name[NAME_WIRE_MAX];
	char text[NAME_TEXT_MAX], apex[NAME_TEXT_MAX];

	if (p->line.inherits) {
		if (!p->has_owner)
			parse_error(
				p, t,
				"white space before the first record, which so has no owner; expected a name in column 1");
		p->owner_bad = p->owner_bad || !p->has_owner;
		p->has_owner = true;
		return !p->owner_bad;
	}
	r->at = 1;
	p->has_owner = true;
	p->owner_bad = true;
	if (!parse_name(p, t, "owner", name))
		return false;
	name_lower(name, name_len(name));
	if (!name_is_under(name, p->z->apex)) {
		parse_error(p, t, "%.300s is outside the zone; expected names at or below %.300s",
			    name_format(name, text), name_format(p->z->apex, apex));
		return false;
	}
	memcpy(p->owner, name, name_len(name));
	p->owner_bad = false;
	return true;
}

/* RFC 2308 4: its own, else $TTL; without one the last stated (RFC 1035 5.1); the SOA may lend its MINIMUM, as before
 * RFC 2308. */
static bool ttl_choose(struct parse *p, struct record *r, const struct parse_token *type)
{
	if (r->has_ttl) {
		p->has_ttl_last = true;
		p->ttl_last = r->ttl;
		return true;
	}
	if (p->has_ttl_default) {
		r->ttl = p->ttl_default;
		return true;
	}
	if (p->has_ttl_last) {
		r->ttl = p->ttl_last;
		return true;
	}
	if (p->type == DNS_TYPE_SOA && p->rdata.len >= 4) {
		r->ttl = load_u32(p->rdata.data + p->rdata.len - 4);
		r->ttl = r->ttl > INT32_MAX ? 0 : r->ttl;
		p->has_ttl_default = true;
		p->ttl_default = r->ttl;
		parse_warn(p, type,
			   "no TTL and no $TTL before it, so the SOA's minimum, %u, is taken; expected $TTL in the "
			   "first line",
			   r->ttl);
		return true;
	}
	parse_error(p, type, "no TTL here and no $TTL before it; expected $TTL in the first line, such as $TTL 1h");
	/* Once is enough for the file. */
	p->has_ttl_default = true;
	p->ttl_default = 0;
	return false;
}

static void record_add(struct parse *p, const struct record *r, const struct parse_token *first)
{
	char text[NAME_TEXT_MAX];
	const struct parse_token *at = p->generate != NULL ? p->generate : first;
	int rc = zone_add(p->z, p->owner, p->type, r->ttl, p->rdata.data, p->rdata.len, p->src->file, at->line);

	p->z->soa_lost &= p->type != DNS_TYPE_SOA;
	p->z->ns_lost &= p->type != DNS_TYPE_NS;
	if (rc == ERR_NOMEM) {
		p->fatal = ERR_NOMEM;
	} else if (rc < 0) {
		parse_error(p, first, "too many records; expected at most %u of one type at %.300s, and %u in the zone",
			    ZONE_RRSET_MAX, name_format(p->owner, text), ZONE_RECORD_MAX);
		p->fatal = p->fatal != 0 ? p->fatal : ERR_LIMIT;
	}
}

/* A classic: the text of a TXT is cut at a ';' outside quotes. */
static void text_check_cut(struct parse *p, size_t from)
{
	for (size_t i = from; i < p->line.count; i++)
		if (p->line.tokens[i].cut && !p->line.tokens[i].quoted)
			parse_warn(p, &p->line.tokens[i],
				   "the text ends here, for \";\" begins a comment; did you mean to put the "
				   "text in quotes");
}

void parse_record(struct parse *p)
{
	struct record r = { .at = 0 };
	bool kept = owner_read(p, &r);
	const struct parse_token *t = p->line.tokens;
	size_t type_at;

	if (!head_read(p, &r))
		return;
	type_at = r.at++;
	if (!parse_rdata(p, p->type, t + r.at, p->line.count - r.at, &t[type_at]))
		return;
	if (p->type == DNS_TYPE_TXT)
		text_check_cut(p, r.at);
	if (!ttl_choose(p, &r, &t[type_at]) || !kept)
		return;
	record_add(p, &r, t);
}
