/* Inside the master file parser; nobody outside src/zone/parse*.c includes this.
 *
 *     parse.c            files, $INCLUDE stack, the loop over lines
 *     parse_line.c       octets → one logical line of tokens
 *     parse_directive.c  $ORIGIN $TTL $INCLUDE
 *     parse_generate.c   $GENERATE
 *     parse_record.c     tokens → owner, TTL, class, type → zone_add
 *     parse_rdata.c      the fields of one record, as ldns describes the type
 *     parse_field.c      one field → wire
 *     parse_text.c       names, numbers, TTLs, strings, and how a fault in them reads
 *
 *     www  1h  IN  TXT  "a b"   ; a comment
 *     ^0   ^1  ^2  ^3   ^4 (quoted: the text between the quotes, escapes still in it)
 */
#ifndef GEMEL_ZONE_PARSE_H
#define GEMEL_ZONE_PARSE_H
#include "base/buf.h"
#include "zone/zone.h"

struct parse_token {
	const char *text; /* borrowed from the file, not terminated */
	uint32_t len;
	uint32_t line, col; /* from 1 */
	bool quoted;
	bool cut; /* a ';' follows without a space: a comment, perhaps not meant as one */
};

struct parse_line {
	struct parse_token *tokens;
	size_t count, cap;
	bool inherits; /* begins with white space: the owner is the last one */
};

struct parse_source { /* one open file; lives on the stack of parse_file */
	const struct parse_source *from;
	const char *file;
	const char *at, *end, *line_start;
	uint32_t line;
};

#define PARSE_TYPE_CACHE 32 /* spellings of types remembered, a power of two */
struct parse_type {
	char text[8];
	uint16_t type; /* 0 = free */
};

struct parse {
	struct zone *z;
	struct diags *d;
	zone_read_file read;
	void *ctx;
	struct parse_source *src;
	struct parse_line line;
	const struct parse_token *generate; /* while $GENERATE's lines are read: where all faults stand */

	size_t errors;
	int fatal; /* ERR_NOMEM: give up; ERR_LIMIT: enough faults were told */
	unsigned depth, includes;
	size_t generated;

	uint8_t origin[NAME_WIRE_MAX]; /* case as written: names in rdata keep it */
	uint8_t owner[NAME_WIRE_MAX];  /* lower-case */
	bool has_owner, owner_bad;     /* bad: was at fault, so records that inherit it are checked but not kept */
	bool has_ttl_default, has_ttl_last;
	uint32_t ttl_default, ttl_last;

	uint16_t type;       /* of the record at hand, for messages */
	struct wbuf rdata;   /* into rdata_room */
	struct bytes joined; /* several tokens as one text, for ldns */
	struct bytes made;   /* a line of $GENERATE */
	struct parse_type types[PARSE_TYPE_CACHE];
	uint8_t rdata_room[UINT16_MAX]; /* last: it is not zeroed, which would cost a small zone more than its text */
};

/* parse.c */
/* One fault; t NULL = of the file as a whole. Errors beyond DIAG_MAX end the parse. */
void parse_error(struct parse *p, const struct parse_token *t, const char *what, ...) PRINTF_LIKE(3, 4);
void parse_warn(struct parse *p, const struct parse_token *t, const char *what, ...) PRINTF_LIKE(3, 4);
/* Reads another file in full; the caller has checked the bounds. */
void parse_file(struct parse *p, const char *file, const char *text, size_t len);
bool parse_file_open(const struct parse *p, const char *file); /* in the stack of includes already? */

/* parse_line.c */
bool parse_line_next(struct parse *p); /* false at the end of the file; a broken line comes as one without tokens */

/* parse_directive.c */
bool parse_is_directive(const struct parse_line *l);
void parse_directive(struct parse *p);

/* parse_generate.c */
void parse_generate(struct parse *p);

/* parse_record.c */
void parse_record(struct parse *p);
/* A record type by name or TYPEnnn: 1..65535, 0 = not known. parse_type tells the fault, parse_type_find does not. */
uint16_t parse_type_find(struct parse *p, const struct parse_token *t);
uint16_t parse_type(struct parse *p, const struct parse_token *t);

/* parse_rdata.c */
/* Wire rdata of type from n tokens (before: the token ahead of them, where a missing one would stand) into p->rdata. */
bool parse_rdata(struct parse *p, uint16_t type, const struct parse_token *t, size_t n,
		 const struct parse_token *before);

/* parse_field.c */
/* One field of ldns's kind (ldns_rdf_type) from the tokens at t; name is what people call it. Returns how many tokens
 * it took, 0 after a fault. */
size_t parse_field(struct parse *p, int kind, const char *name, const struct parse_token *t, size_t n);

/* parse_text.c: each tells its fault and returns false; what: "owner", "preference", … */
#define PARSE_QUOTE_MAX 64
/* The token for a message: in quotes, shortened, control octets escaped. Returns out. */
char *parse_quote(const struct parse_token *t, char out[PARSE_QUOTE_MAX]);
bool parse_is(const struct parse_token *t, const char *word); /* ASCII case folded, not quoted */
bool parse_name(struct parse *p, const struct parse_token *t, const char *what, uint8_t out[NAME_WIRE_MAX]);
bool parse_uint(struct parse *p, const struct parse_token *t, const char *what, uint32_t max, uint32_t *out);
bool parse_ttl(struct parse *p, const struct parse_token *t, const char *what, uint32_t *out);
/* Octets of a string with its escapes undone, at most cap of them; true even when there are more, *len tells. */
bool parse_octets(struct parse *p, const struct parse_token *t, uint8_t *out, size_t cap, size_t *len);

#endif
