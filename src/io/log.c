#include "io/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_LEN 2048 /* longer lines are cut: a log line must not be a way to fill a disk */

static struct {
	const char *who;
	enum log_level level;
} self = { "gemeld", LOG_LEVEL_INFO };

void log_init(const char *who, enum log_level level)
{
	self.who = who;
	self.level = level;
}

/* Text from scripts, peers and operators ends up here: a control octet must not forge a second line. */
static void make_printable(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (level > self.level)
		return;
	char line[LINE_MAX_LEN];
	int head = snprintf(line, sizeof line, "%s %s: ", log_level_text(level), self.who);
	va_list ap;
	va_start(ap, fmt);
	int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, ap);
	va_end(ap);
	size_t len = (size_t)head + (body < 0 ? 0 : (size_t)body);
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	make_printable(line, len);
	line[len] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line, len + 1);
	(void)ignored;
}
