#include "io/log.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "io/clock.h"

#define LINE_MAX_LEN 2048 /* longer lines are cut: a log line must not be a way to fill a disk */

static struct {
	const char *who;
	enum log_level level;
	bool untimed; /* whoever reads it puts a time to each line */
} self = { "gemeld", LOG_LEVEL_INFO, false };

/* JOURNAL_STREAM names the file that is journald's by device and inode (systemd.exec(5)); standard error may be another by now. */
static bool is_journald(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	return stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *who, enum log_level level)
{
	self.who = who;
	self.level = level;
	self.untimed = is_journald();
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
	char line[LINE_MAX_LEN], utc[32] = "";
	if (!self.untimed)
		text_format_utc(clock_wall_ms(), utc);
	int head = snprintf(line, sizeof line, "%s%s%s %s: ", utc, *utc ? " " : "", log_level_text(level), self.who);
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
