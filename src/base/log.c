/* The names of the log's levels and forms. */
#include "base/log.h"
#include <string.h>

const char *log_level_text(enum log_level l)
{
	switch (l) {
	case LOG_LEVEL_NONE: return "none";
	case LOG_LEVEL_ERROR: return "error";
	case LOG_LEVEL_WARNING: return "warning";
	case LOG_LEVEL_NOTICE: return "notice";
	case LOG_LEVEL_INFO: return "info";
	case LOG_LEVEL_DEBUG: return "debug";
	}
	return "unknown";
}

enum log_level log_level_find(const char *text)
{
	for (enum log_level l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++)
		if (strcmp(text, log_level_text(l)) == 0)
			return l;
	return LOG_LEVEL_NONE;
}

const char *log_form_text(enum log_form f)
{
	switch (f) {
	case LOG_FORM_NONE: return "none";
	case LOG_TEXT: return "text";
	case LOG_JSON: return "json";
	case LOG_SYSLOG: return "syslog";
	}
	return "unknown";
}

enum log_form log_form_find(const char *text)
{
	for (enum log_form f = LOG_TEXT; f <= LOG_SYSLOG; f++)
		if (strcmp(text, log_form_text(f)) == 0)
			return f;
	return LOG_FORM_NONE;
}
