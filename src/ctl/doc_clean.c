/* Text from outside, made fit for a terminal: how wide it is, and nothing in it that a terminal obeys. */
#include <string.h>
#include "ctl/doc.h"

struct range { uint32_t first, last; };

/* Characters that a terminal shows in two columns (Unicode East Asian Width W and F, the large blocks). */
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};
/* Marks that stand on the character before. */
static const struct range combining[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x064b, 0x065f }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};
/* Never shown as they are: C0, DEL, C1, line separators, zero-width and direction marks (they make a line read as another one). */
static const struct range unprintable[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x200b, 0x200f },
	{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
};

static bool is_in(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}
#define IS_IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof(ranges)[0])

/* One UTF-8 sequence (RFC 3629 4): its length, or 0 for octets that are none. */
static size_t decode(const uint8_t *s, size_t left, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	if (!n || n > left)
		return 0;
	uint32_t v = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s[i] & 0x3fu);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*c = v;
	return n;
}

unsigned doc_clean(struct bytes *out, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	unsigned width = 0;
	for (size_t i = 0; i < len;) {
		uint32_t c = 0;
		size_t n = decode(s + i, len - i, &c);
		if (!n || IS_IN(c, unprintable)) {
			if (out)
				bytes_u8(out, '?');
			width++;
		} else {
			if (out)
				bytes_add(out, s + i, n);
			width += IS_IN(c, combining) ? 0 : IS_IN(c, wide) ? 2 : 1;
		}
		i += n ? n : 1;
	}
	return width;
}
