/* The names of the log levels. */
#include "base/log.h"

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
