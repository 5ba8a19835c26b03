/* Lua's patterns on an engine that counts its steps: a pattern is compiled once, then matched by backtracking that
 * stops when the steps are used up, so ".-.-.-x" on a hostile reply cannot hold the server.  Knows nothing of Lua
 * states.
 *
 *     "(%a+)=%s*"  →  OPEN 0 | CLASS a + | CLOSE 0 | CHAR '=' | CLASS s * | END
 *
 * Semantics are those of the Lua 5.4 manual, 6.4.1. One difference: a malformed pattern is refused when it is
 * compiled, not when a match happens to reach the fault.
 */
#ifndef GEMEL_SCRIPT_MATCH_H
#define GEMEL_SCRIPT_MATCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_CAPTURES_MAX 32
#define MATCH_PATTERN_MAX 1024 /* octets; also bounds the recursion, one level an item */

enum match_item_type {
	MATCH_END = 0, MATCH_CHAR, MATCH_ANY, MATCH_CLASS, MATCH_SET,                 /* END: the pattern's end */
	MATCH_OPEN, MATCH_POSITION, MATCH_CLOSE, MATCH_BALANCE, MATCH_FRONTIER, MATCH_BACK, MATCH_EDGE /* EDGE: '$' */
};
struct match_item {
	uint8_t type;
	char repeat;  /* '*' '+' '-' '?', or 0 for once; of CHAR ANY CLASS SET only */
	uint8_t a, b; /* the octet, class letter, capture number, or the two ends of a balance */
	uint32_t set[8];
};
struct match_pattern {
	bool anchored;
	uint8_t captures;
	struct match_item items[]; /* as many as octets in the text and one more */
};
struct match_capture {
	size_t start, len;
	bool position; /* "()": start alone counts */
};
struct match {
	const char *subject;
	size_t len;
	uint64_t steps_left;
	size_t end; /* of the last match, exclusive */
	struct match_capture captures[MATCH_CAPTURES_MAX];
};

/* Room for a pattern of len octets. */
size_t match_pattern_size(size_t len);
/* Compiles; with anchors, a leading '^' anchors. NULL, or what is wrong with it (static text). */
const char *match_compile(struct match_pattern *p, const char *text, size_t len, bool anchors);
enum match_found { MATCH_FOUND_NOT = 0, MATCH_FOUND, MATCH_FOUND_LIMIT /* steps used up: neither yes nor no */ };
/* Tries at one place; m->end and the captures hold after MATCH_FOUND. */
enum match_found match_at(const struct match_pattern *p, struct match *m, size_t at);

#endif
