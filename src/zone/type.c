/* Record types by name. */
#include "zone/type.h"
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"

#define TYPE_NAMED_MAX 260 /* ldns describes types up to this one without a gap */

/* NULL for a number without a name of its own. */
static const char *type_name(uint16_t type)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(type);

	return desc != NULL && desc->_name != NULL && strncmp(desc->_name, "TYPE", 4) != 0 ? desc->_name : NULL;
}

char *zone_type_text(uint16_t type, char out[ZONE_TYPE_TEXT_MAX])
{
	const char *name = type_name(type);

	if (name != NULL)
		snprintf(out, ZONE_TYPE_TEXT_MAX, "%s", name);
	else
		snprintf(out, ZONE_TYPE_TEXT_MAX, "TYPE%u", type);
	return out;
}

/* RFC 3597 5: TYPE and a decimal number without leading zeros. */
static uint16_t type_number(const char *text, size_t len)
{
	uint32_t v = 0;

	if (len < 5 || len > 9 || text[4] == '0')
		return 0;
	for (size_t i = 4; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		v = v * 10 + (uint32_t)(text[i] - '0');
	}
	return v <= UINT16_MAX ? (uint16_t)v : 0;
}

uint16_t zone_type_find(const char *text, size_t len)
{
	char word[ZONE_TYPE_TEXT_MAX];

	if (len >= 4 && strncasecmp(text, "TYPE", 4) == 0) /* ldns would take TYPE1x for TYPE1 */
		return type_number(text, len);
	if (len >= sizeof word || len == 0 || memchr(text, '\0', len) != NULL)
		return 0;
	memcpy(word, text, len);
	word[len] = '\0';
	return (uint16_t)ldns_get_rr_type_by_name(word);
}

const char *zone_type_nearest(const char *text, size_t len)
{
	const char *names[TYPE_NAMED_MAX];
	char word[ZONE_TYPE_TEXT_MAX];
	size_t n = 0;

	if (len >= sizeof word)
		return NULL;
	memcpy(word, text, len);
	word[len] = '\0';
	for (uint16_t type = 1; type <= TYPE_NAMED_MAX; type++)
		if (type_name(type) != NULL)
			names[n++] = type_name(type);
	return text_nearest(word, names, n);
}
