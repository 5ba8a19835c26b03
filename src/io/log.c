#include "io/log.h"
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "io/clock.h"

#define S_US 1000000u
#define BURST_US ((uint64_t)LOG_LINES_BURST * (S_US / LOG_LINES_A_SECOND))
#define PATIENCE_MS 100 /* for a reader that is only behind; one that took nothing in that time gets no more of it */

static struct {
	const char *who;
	enum log_level level;
	enum log_form form;
	bool journald;
	bool stuck;       /* the reader took nothing, the last time */
	unsigned line_us; /* what a line pays */
	uint64_t paid_us; /* up to when lines have used the rate up; ahead of the clock by no more than the burst */
	uint64_t dropped, untold;
} self = { .who = "gemeld", .level = LOG_LEVEL_INFO, .form = LOG_TEXT, .line_us = S_US / LOG_LINES_A_SECOND };

/* JOURNAL_STREAM names the file that is journald's by device and inode (systemd.exec(5)); standard error may be another by now. */
static bool is_journald(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	return stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

/* ---- settings ---- */

int log_settings_parse(struct log_settings *s, const char *text)
{
	struct log_settings got = *s;
	while (*text) {
		char word[16];
		const size_t len = strcspn(text, ",");
		if (len >= sizeof word)
			return ERR_FORMAT;
		memcpy(word, text, len);
		word[len] = '\0';
		if (log_level_find(word))
			got.level = log_level_find(word);
		else if (log_form_find(word))
			got.form = log_form_find(word);
		else
			return ERR_FORMAT;
		text += len + (text[len] == ',');
	}
	*s = got;
	return 0;
}

char *log_settings_format(const struct log_settings *s, char out[32])
{
	snprintf(out, 32, "%s,%s", log_form_text(s->form), log_level_text(s->level));
	return out;
}

void log_init(const char *who, const struct log_settings *settings)
{
	struct log_settings s = *settings;
	const char *wish = getenv(LOG_VARIABLE);
	self.who = who;
	self.journald = is_journald();
	const int e = wish ? log_settings_parse(&s, wish) : 0;
	log_settings_set(&s);
	if (e)
		log_line(LOG_LEVEL_WARNING, LOG_VARIABLE "=%s; expected a form (text, json, syslog), a level, or both", wish);
}

struct log_settings log_settings_get(void)
{
	return (struct log_settings){ .level = __atomic_load_n(&self.level, __ATOMIC_RELAXED),
				      .form = __atomic_load_n(&self.form, __ATOMIC_RELAXED) };
}

void log_settings_set(const struct log_settings *s)
{
	__atomic_store_n(&self.level, s->level, __ATOMIC_RELAXED);
	__atomic_store_n(&self.form, s->form, __ATOMIC_RELAXED);
}

/* ---- bounds ---- */

uint64_t log_dropped(void)
{
	return __atomic_load_n(&self.dropped, __ATOMIC_RELAXED);
}

static void drop(void)
{
	__atomic_fetch_add(&self.dropped, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&self.untold, 1, __ATOMIC_RELAXED);
}

void log_rate_set(unsigned lines_a_second)
{
	self.line_us = S_US / lines_a_second;
}

/* A line pays for its time; who is a burst ahead of the clock gets none. */
static bool is_within_rate(enum log_level level)
{
	const uint64_t now = clock_mono_us(), ahead_max = level <= LOG_LEVEL_NOTICE ? BURST_US : BURST_US / 4 * 3;
	uint64_t paid = __atomic_load_n(&self.paid_us, __ATOMIC_RELAXED), next;
	do {
		next = (paid > now ? paid : now) + self.line_us;
		if (next > now + ahead_max)
			return false;
	} while (!__atomic_compare_exchange_n(&self.paid_us, &paid, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* A pipe or a socket whose reader stopped would stop us with it. */
static bool takes_a_line(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	const bool was_stuck = __atomic_load_n(&self.stuck, __ATOMIC_RELAXED);
	const bool stuck = poll(&p, 1, was_stuck ? 0 : PATIENCE_MS) == 0;
	__atomic_store_n(&self.stuck, stuck, __ATOMIC_RELAXED);
	return !stuck;
}

/* ---- lines ---- */

static void begin_line(struct logline *l, enum log_level level)
{
	static const char *const priority[] = { "", "<3>", "<4>", "<5>", "<6>", "<7>" };
	const enum log_form form = __atomic_load_n(&self.form, __ATOMIC_RELAXED);
	const bool untimed = self.journald || form == LOG_SYSLOG; /* whoever reads it puts a time to each line */
	char utc[32];
	logline_begin(l, form == LOG_JSON ? LOGLINE_JSON : LOGLINE_TEXT, untimed ? priority[level] : "");
	if (!untimed) {
		text_format_utc(clock_wall_ms(), utc);
		logline_text(l, "time", utc, strlen(utc));
	}
	logline_text(l, "level", log_level_text(level), strlen(log_level_text(level)));
	logline_text(l, "process", self.who, strlen(self.who));
}

static bool write_line(struct logline *l)
{
	logline_end(l);
	return takes_a_line() && write(STDERR_FILENO, l->out, l->len) >= 0;
}

static void tell_dropped(struct logline *l, uint64_t count)
{
	static const char text[] = "lines of the log were dropped";
	begin_line(l, LOG_LEVEL_WARNING);
	logline_text(l, "event", "dropped", 7);
	logline_number(l, "lines", count);
	logline_text(l, "message", text, sizeof text - 1);
	if (!write_line(l))
		__atomic_fetch_add(&self.untold, count, __ATOMIC_RELAXED);
}

bool log_begin(struct logline *l, enum log_level level)
{
	if (level == LOG_LEVEL_NONE || level > __atomic_load_n(&self.level, __ATOMIC_RELAXED))
		return false;
	if (!is_within_rate(level)) {
		drop();
		return false;
	}
	const uint64_t untold = __atomic_exchange_n(&self.untold, 0, __ATOMIC_RELAXED);
	if (untold)
		tell_dropped(l, untold);
	begin_line(l, level);
	return true;
}

void log_end(struct logline *l)
{
	if (!write_line(l))
		drop();
}

void log_line(enum log_level level, const char *fmt, ...)
{
	struct logline l;
	char text[LOGLINE_MAX];
	if (!log_begin(&l, level))
		return;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	logline_text(&l, "message", text, n < 0 ? 0 : strlen(text));
	log_end(&l);
}

void log_pairs(enum log_level level, const char *pairs)
{
	struct logline l;
	if (!log_begin(&l, level))
		return;
	logline_pairs(&l, pairs);
	log_end(&l);
}
