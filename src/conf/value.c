/* See value.h. */
#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *conf_kind_text(enum conf_kind k)
{
	static const char *const text[CONF_KINDS] = {
		[CONF_NODE] = "node", [CONF_PAIR] = "pair", [CONF_ZONE] = "zone", [CONF_ZONES] = "zones",
		[CONF_LIMITS] = "limits", [CONF_CHECK] = "check", [CONF_HOST] = "host", [CONF_POOL] = "pool",
		[CONF_SERVICE] = "service", [CONF_MAINTENANCE] = "maintenance",
	};

	return k > 0 && k < CONF_KINDS ? text[k] : "";
}

const struct conf_value *conf_value_field(const struct conf_value *v, const char *key)
{
	size_t lo = 0, hi = v->type == CONF_TABLE ? v->table.field_count : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int r = strcmp(key, v->table.fields[mid].key);

		if (!r)
			return &v->table.fields[mid];
		if (r < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *conf_value_text(const struct conf_value *v, char out[CONF_VALUE_TEXT_MAX])
{
	switch ((enum conf_type)v->type) {
	case CONF_BOOLEAN:
		return v->boolean ? "true" : "false";
	case CONF_INTEGER:
		snprintf(out, CONF_VALUE_TEXT_MAX, "%" PRId64, v->integer);
		return out;
	case CONF_NUMBER:
		snprintf(out, CONF_VALUE_TEXT_MAX, "%.14g", v->number);
		return out;
	case CONF_STRING:
		if (v->string.len > 64)
			snprintf(out, CONF_VALUE_TEXT_MAX, "\"%.60s…\"", v->string.s);
		else
			snprintf(out, CONF_VALUE_TEXT_MAX, "\"%s\"", v->string.s);
		return out;
	case CONF_TABLE:
		return "a table";
	case CONF_COMBINE:
		return "a combination of checks";
	case CONF_OTHER:
		snprintf(out, CONF_VALUE_TEXT_MAX, "a %s", v->string.s);
		return out;
	case CONF_NONE:
	case CONF_TOLD:
		break;
	}
	return "nothing";
}
