/* Log levels and the form of a line; the sink is handed in at the edge (io/log.c writes them). */
#ifndef GEMEL_BASE_LOG_H
#define GEMEL_BASE_LOG_H

enum log_level {
	LOG_LEVEL_NONE = 0, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG
};
const char *log_level_text(enum log_level l); /* "error", … */

#endif
