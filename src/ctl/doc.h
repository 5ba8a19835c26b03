/* A document that verbs describe once: aligned tables for people, or one JSON object.
 *
 *     doc_text(d, "node", "ns1");                node     ns1                     {"node":"ns1",
 *     doc_s(d, "ttl_s", 10);                     ttl      10s                      "ttl_s":10,
 *     doc_list(d, "peers");
 *       doc_row(d);                              NODE  LINK
 *       doc_text(d, "node", "ns2");              ns2   active                      "peers":[{"node":"ns2",
 *       doc_word(d, "link", "active", DOC_GOOD);                                     "link":"active"}]}
 *       doc_row_end(d);
 *     doc_list_end(d);
 *
 * Keys are the names of the JSON; people read them without the unit and with spaces for '_'. People do not see a column that is
 * empty in every row. Text from outside (reasons, names) cannot reach a terminal's controls: what is not printable becomes '?'.
 * Errors stick; doc_end tells.
 */
#ifndef GEMEL_CTL_DOC_H
#define GEMEL_CTL_DOC_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/json.h"

enum doc_form { DOC_PEOPLE = 1, DOC_JSON = 2, DOC_BOTH = 3 };
enum doc_tone { DOC_PLAIN = 0, DOC_GOOD, DOC_BAD, DOC_UNSURE }; /* plain, green, red, yellow */

#define DOC_COLUMNS_MAX 32  /* of a table: the widest verb has 20 */
#define DOC_TEXT_MAX 2048   /* octets of one value: a name in text form is at most 1024 */

struct doc_cell { uint32_t row, at, len; uint16_t width; uint8_t column, tone; };
struct doc {
	/* set by doc_init */
	enum doc_form form;
	bool colour;
	unsigned width; /* of the terminal; 0 = unlimited */
	struct bytes out;
	/* the rest is its own business */
	struct json json;
	enum doc_form only;
	bool in_list, wrote;
	const char *group, *list;
	uint32_t rows;
	struct bytes text; /* of the cells gathered */
	struct doc_cell *cells;
	size_t cell_count, cell_cap;
	const char *columns[DOC_COLUMNS_MAX];
	uint8_t column_count;
};

/* bound: of the whole output, in octets. */
void doc_init(struct doc *d, enum doc_form form, bool colour, unsigned width, size_t bound);
void doc_deinit(struct doc *d);
/* Ends the document; its octets are in d->out. 0, ERR_NOMEM (or over the bound). */
int doc_end(struct doc *d) MUST_CHECK;

/* What follows is for one form only, until doc_for(d, DOC_BOTH). */
void doc_for(struct doc *d, enum doc_form f);
/* A list of rows; not nested. key is borrowed until doc_end, as all keys are. */
void doc_list(struct doc *d, const char *key);
void doc_list_end(struct doc *d);
void doc_row(struct doc *d);
void doc_row_end(struct doc *d);
/* An object in the object; people see its members with the group's name before theirs. Not nested. */
void doc_group(struct doc *d, const char *key);
void doc_group_end(struct doc *d);

/* A line of its own, for people only; not in a list. */
void doc_line(struct doc *d, const char *text);

/* Values. NULL text is null. */
void doc_text(struct doc *d, const char *key, const char *v);
void doc_word(struct doc *d, const char *key, const char *v, enum doc_tone t);
void doc_printf(struct doc *d, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void doc_uint(struct doc *d, const char *key, uint64_t v);
void doc_int(struct doc *d, const char *key, int64_t v);
void doc_number(struct doc *d, const char *key, double v); /* people: one digit behind the point */
void doc_bool(struct doc *d, const char *key, bool v); /* people: yes, no */
void doc_null(struct doc *d, const char *key);
void doc_s(struct doc *d, const char *key, uint64_t s);   /* a number with its unit in the key; people: "10s" */
void doc_ms(struct doc *d, const char *key, uint64_t ms); /* people: "3m10s" */
void doc_us(struct doc *d, const char *key, uint64_t us); /* people: "0.35ms" */
/* A moment: UTC in JSON; people see how far it is from now, and outside of tables the moment too. wall_ms 0 = null. */
void doc_time(struct doc *d, const char *key, uint64_t wall_ms, uint64_t now_wall_ms);

/* Appends text with everything unprintable (controls, broken UTF-8, direction marks) as '?'; returns the columns it takes
 * on a terminal. out may be NULL. */
unsigned doc_clean(struct bytes *out, const char *text, size_t len);

#endif
