#include "app/progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "io/log.h"

#define LOG_EVERY_MS 5000
#define CLEAR_LINE "\r\033[K"

const char *progress_text(char out[PROGRESS_TEXT_MAX], uint32_t zones, uint32_t all, uint64_t records)
{
	snprintf(out, PROGRESS_TEXT_MAX, "loading: %" PRIu32 " of %" PRIu32 " zones, %" PRIu64 " records read", zones, all, records);
	return out;
}

void progress_tell(struct progress *p, uint32_t zones, uint32_t all, uint64_t records, uint64_t now_ms)
{
	char text[PROGRESS_TEXT_MAX];

	progress_text(text, zones, all, records);
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, CLEAR_LINE "%s", text);
		fflush(stderr);
		p->on_line = true;
		return;
	}
	if (p->logged_ms && now_ms - p->logged_ms < LOG_EVERY_MS)
		return;
	p->logged_ms = now_ms;
	log_line(LOG_LEVEL_NOTICE, "%s", text);
}

void progress_end(struct progress *p)
{
	if (p->on_line)
		fputs(CLEAR_LINE, stderr);
	*p = (struct progress){ 0 };
}
