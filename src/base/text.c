/* Near misses, globs and numbers. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define NEAREST_MAX 64 /* longer words get no suggestion: nobody mistypes those by a letter or two */

static inline uint8_t fold(char c)
{
	uint8_t u = (uint8_t)c;
	return u >= 'A' && u <= 'Z' ? (uint8_t)(u + 32) : u;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edits between a and b, where swapping neighbours is one; both at most NEAREST_MAX long. Three rows are kept:
 * row[i % 3][j] = edits between the first i of a and the first j of b. */
static unsigned edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][NEAREST_MAX + 1];

	for (unsigned j = 0; j <= nb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned differ = fold(a[i - 1]) != fold(b[j - 1]);
			now[j] = min3(now[j - 1] + 1, last[j] + 1, last[j - 1] + differ);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]) &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

/* Names of one zone share most of their length: in those few edits make another name, however long they are. */
static size_t nearest_edits(const char *word)
{
	size_t third = strlen(word) / 3, least = strchr(word, '.') ? 2 : 1;
	if (strchr(word, '.'))
		third = strcspn(word, ".") / 3;
	return third > least ? third : least;
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	const char *nearest = NULL;

	if (len > NEAREST_MAX)
		return NULL;
	size_t best = nearest_edits(word) + 1;
	for (size_t i = 0; i < n; i++) {
		size_t clen = strlen(candidates[i]);
		if (clen > NEAREST_MAX)
			continue;
		unsigned edits = edit_distance(word, len, candidates[i], clen);
		if (edits < best) {
			best = edits;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* On a mismatch only the last '*' is widened: an earlier one could not match more (what stands between them was
 * found at its leftmost place already). */
bool text_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern && (*pattern == '?' || fold(*pattern) == fold(*text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

int text_parse_u64(uint64_t *v, const char *text, uint64_t min, uint64_t max)
{
	uint64_t n = 0;
	bool overflow = false;

	if (!*text)
		return ERR_FORMAT;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return ERR_FORMAT;
		overflow |= __builtin_mul_overflow(n, (uint64_t)10, &n);
		overflow |= __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n);
	}
	if (overflow || n < min || n > max)
		return ERR_RANGE;
	*v = n;
	return 0;
}

char *text_quote(const char *data, size_t len, char *out, size_t cap)
{
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];
		char one[8];
		int k;

		if (c == '\r' || c == '\n' || c == '\t')
			k = snprintf(one, sizeof one, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
		else if (c == '"' || c == '\\')
			k = snprintf(one, sizeof one, "\\%c", c);
		else
			k = snprintf(one, sizeof one, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
		if (n + (size_t)k + 6 > cap) {
			memcpy(out + n, "…", 3);
			n += 3;
			break;
		}
		memcpy(out + n, one, (size_t)k);
		n += (size_t)k;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

size_t text_utf8_len(const uint8_t *s, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (left < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}
