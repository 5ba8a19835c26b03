/* Log levels and the forms of a line (io/log.c writes them). */
#ifndef GEMEL_BASE_LOG_H
#define GEMEL_BASE_LOG_H

enum log_level {
	LOG_LEVEL_NONE = 0, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG
};
const char *log_level_text(enum log_level l); /* "error", … */
enum log_level log_level_find(const char *text); /* LOG_LEVEL_NONE for what is none */

enum log_form { LOG_FORM_NONE = 0, LOG_TEXT, LOG_JSON, LOG_SYSLOG };
const char *log_form_text(enum log_form f); /* "text", … */
enum log_form log_form_find(const char *text);

#endif
