/* Names from and to master-file text (RFC 1035 5.1). */
#include <string.h>
#include "dns/name.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One character or escape at *at. \DDD is a decimal octet; a backslash before anything else takes it as it is. */
static int take_octet(const char **at, const char *end, uint8_t *octet)
{
	const char *p = *at;
	if (*p != '\\') {
		*octet = (uint8_t)*p;
		*at = p + 1;
		return 0;
	}
	if (end - p < 2)
		return ERR_FORMAT;
	if (!is_digit(p[1])) {
		*octet = (uint8_t)p[1];
		*at = p + 2;
		return 0;
	}
	if (end - p < 4 || !is_digit(p[2]) || !is_digit(p[3]))
		return ERR_FORMAT;
	int v = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	if (v > 255)
		return ERR_FORMAT;
	*octet = (uint8_t)v;
	*at = p + 4;
	return 0;
}

/* Up to the next plain dot or the end; returns the octets written with the length octet. */
static int take_label(const char **at, const char *end, uint8_t *out, size_t room)
{
	size_t n = 0;
	while (*at < end && **at != '.') {
		uint8_t octet;
		int e = take_octet(at, end, &octet);
		if (e < 0)
			return e;
		if (n == NAME_LABEL_MAX || 1 + n >= room)
			return ERR_LIMIT;
		out[1 + n++] = octet;
	}
	if (n == 0)
		return ERR_FORMAT;
	out[0] = (uint8_t)n;
	return (int)n + 1;
}

/* Labels up to the end; *absolute where the last one ended in a dot. Returns the length so far, less the root. */
static int take_labels(const char *at, const char *end, uint8_t out[NAME_WIRE_MAX], bool *absolute)
{
	size_t len = 0;
	*absolute = false;
	while (at < end) {
		int n = take_label(&at, end, out + len, NAME_WIRE_MAX - 1 - len);
		if (n < 0)
			return n;
		len += (size_t)n;
		if (at < end) { /* at a dot */
			at++;
			*absolute = at == end;
		}
	}
	return (int)len;
}

int name_parse(uint8_t out[NAME_WIRE_MAX], const char *text, size_t len, const uint8_t *origin, bool fold)
{
	static const uint8_t root[1];
	uint8_t name[NAME_WIRE_MAX];
	bool absolute = false;
	int n = 0;

	if (len == 0)
		return ERR_FORMAT;
	if (len == 1 && text[0] == '.')
		absolute = true;
	else if (len != 1 || text[0] != '@')
		n = take_labels(text, text + len, name, &absolute);
	if (n < 0)
		return n;
	const uint8_t *rest = absolute || !origin ? root : origin;
	size_t rest_len = name_len(rest), total = (size_t)n + rest_len;
	if (total > NAME_WIRE_MAX)
		return ERR_LIMIT;
	memcpy(name + n, rest, rest_len);
	if (fold)
		name_lower(name, total);
	memcpy(out, name, total);
	return (int)total;
}

static char *format_octet(char *out, uint8_t c)
{
	if (c <= ' ' || c >= 0x7f) {
		*out++ = '\\';
		*out++ = (char)('0' + c / 100);
		*out++ = (char)('0' + c / 10 % 10);
		*out++ = (char)('0' + c % 10);
		return out;
	}
	if (strchr(".\\\"();@$", c))
		*out++ = '\\';
	*out++ = (char)c;
	return out;
}

char *name_format(const uint8_t *name, char out[NAME_TEXT_MAX])
{
	char *at = out;
	for (; *name; name += 1 + *name) {
		if (at != out)
			*at++ = '.';
		for (unsigned i = 1; i <= *name; i++)
			at = format_octet(at, name[i]);
	}
	if (at == out)
		*at++ = '.';
	*at = '\0';
	return out;
}
