#include "app/progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "io/log.h"

#define LOG_EVERY_MS 5000
#define ROUND_AFTER_MS 500 /* a round that is over by then needs no telling */
#define ROUND_EVERY_MS 100

void progress_init(struct progress *p)
{
	*p = (struct progress){ .terminal = isatty(STDERR_FILENO) };
}

static void show(struct progress *p, const char *text)
{
	fprintf(stderr, "\r\033[K%s\r", text);
	fflush(stderr);
	p->on_line = true;
}

const char *progress_text(char out[PROGRESS_TEXT_MAX], uint32_t zones, uint32_t all, uint64_t records)
{
	snprintf(out, PROGRESS_TEXT_MAX, "loading: %" PRIu32 " of %" PRIu32 " zones, %" PRIu64 " records read", zones, all, records);
	return out;
}

void progress_tell(struct progress *p, uint32_t zones, uint32_t all, uint64_t records, uint64_t now_ms)
{
	char text[PROGRESS_TEXT_MAX];

	progress_text(text, zones, all, records);
	if (p->terminal) {
		show(p, text);
		return;
	}
	if (!p->told_ms)
		p->told_ms = now_ms;
	if (now_ms - p->told_ms < LOG_EVERY_MS)
		return;
	p->told_ms = now_ms;
	log_line(LOG_LEVEL_NOTICE, "%s", text);
}

void progress_round(struct progress *p, uint32_t left, uint32_t all, uint64_t now_ms)
{
	char text[PROGRESS_TEXT_MAX];

	if (!p->terminal)
		return;
	if (!left) {
		progress_end(p);
		return;
	}
	if (!p->began_ms)
		p->began_ms = now_ms;
	if (now_ms - p->began_ms < ROUND_AFTER_MS || now_ms - p->told_ms < ROUND_EVERY_MS)
		return;
	p->told_ms = now_ms;
	snprintf(text, sizeof text, "first round of checks: %" PRIu32 " of %" PRIu32 " targets have answered", all - left, all);
	show(p, text);
}

void progress_end(struct progress *p)
{
	if (p->on_line) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	*p = (struct progress){ .terminal = p->terminal };
}
