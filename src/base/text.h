/* Text for and from people: durations, near misses, globs, UTC times. */
#ifndef GEMEL_BASE_TEXT_H
#define GEMEL_BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* "200ms", "5s", "10m", "1h", "2d", or plain seconds ("5", "0.5"); the whole text. Bound: 10 years
 * (ERR_RANGE). Parts of a millisecond are ERR_FORMAT. */
int text_parse_duration(uint64_t *ms, const char *text) MUST_CHECK;
/* Shortest exact form: "200ms", "5s", "90s" stays "90s", "1h". Returns out. */
char *text_format_duration(uint64_t ms, char out[32]);
/* Shortest for reading, rounded: "3.2s", "4m10s", "2h05m", "3d4h". Returns out. */
char *text_format_age(uint64_t ms, char out[32]);
/* "2026-11-21T02:31:00.123Z" from ms since 1970. Returns out. */
char *text_format_utc(uint64_t wall_ms, char out[32]);
/* The candidate nearest to word by Damerau-Levenshtein, case folded, or NULL when none is within
 * max(1, len/3) edits; of a name with dots max(2, a third of its first label). */
const char *text_nearest(const char *word, const char *const *candidates, size_t n);
/* '*' any run, '?' one char; ASCII case folded. Linear in practice, bounded by both lengths' product. */
bool text_glob(const char *pattern, const char *text);
/* Decimal without sign or leading junk, in [min, max]. */
int text_parse_u64(uint64_t *v, const char *text, uint64_t min, uint64_t max) MUST_CHECK;
/* Data in quotes, with escapes for what is not printable ASCII, and "…" where it is cut: "PING\r\n". cap is at least 16, a NUL
 * included. Returns out. */
char *text_quote(const char *data, size_t len, char *out, size_t cap);
/* Length of the well-formed UTF-8 sequence at s (RFC 3629 4: no surrogates, nothing overlong, nothing above U+10FFFF), 0 = none.
 * left: at least 1. */
size_t text_utf8_len(const uint8_t *s, size_t left);

#endif
