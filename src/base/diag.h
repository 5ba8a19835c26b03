/* Faults for people, collected so that all are told in one run:
 *
 *     zones/demo.lua:12:5: unknown key "tierz"; expected a key of service; did you mean "tiers"
 *     ^file          ^line ^col (0 = not known)  ^what    ^expected           ^hint
 */
#ifndef GEMEL_BASE_DIAG_H
#define GEMEL_BASE_DIAG_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

enum diag_level {
	DIAG_WARNING = 1,
	DIAG_ERROR = 2,
	DIAG_UNBUILT = 3 /* a warning of what is not built yet: of the same text people need it once */
};

#define DIAG_MAX 1000 /* further ones are counted only: a garbage file must not fill the memory */

struct diag {
	enum diag_level level;
	unsigned line, col; /* 0 = not known */
	char *file;         /* NULL = no file */
	char *text;         /* "what; expected; did you mean …", parts left out when empty */
};

struct diags {
	struct diag *list;
	size_t count, errors, warnings, dropped;
};

void diags_init(struct diags *d);
void diags_deinit(struct diags *d);
/* Adds one fault. `what` is formatted; pass the rest of the sentence in it, parts joined by "; ".
 * Out of memory is counted in dropped, so errors stays truthful. */
void diags_add(struct diags *d, enum diag_level level, const char *file, unsigned line, unsigned col,
	       const char *what, ...) PRINTF_LIKE(6, 7);
/* Formats one as a line without newline ("file:line: what", "warning: " before what where it is one).
 * Returns the length that the whole text has, as snprintf does. */
int diag_format(const struct diag *g, char *out, size_t cap);
/* Moves every fault of `from` to the end of `to`; `from` is empty after. */
void diags_move(struct diags *to, struct diags *from);

#endif
