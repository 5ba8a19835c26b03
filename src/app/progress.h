/* Telling people how far something long is: a line that is written over on a terminal, a line now and then in a log.
 *
 *     loading: 34000 of 100000 zones, 408000 records read
 *     first round of checks: 1200 of 2000 targets have answered
 *
 * The cursor stays at the line's begin: what another process writes there meanwhile, a line of the log, is longer and covers it.
 */
#ifndef GEMEL_APP_PROGRESS_H
#define GEMEL_APP_PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool terminal, on_line;      /* standard error is one; it has our line */
	uint64_t began_ms, told_ms;  /* 0 = not yet */
};

#define PROGRESS_TEXT_MAX 128
/* Before the process is confined: it may not be able to ask later. */
void progress_init(struct progress *p);
const char *progress_text(char out[PROGRESS_TEXT_MAX], uint32_t zones, uint32_t all, uint64_t records);
/* Of a load: as often as it is called on a terminal; in the log once the load is a long one, and then now and then. */
void progress_tell(struct progress *p, uint32_t zones, uint32_t all, uint64_t records, uint64_t now_ms);
/* Of the first round, on a terminal only, a few times a second, and not where it is over at once. left 0: it is over. */
void progress_round(struct progress *p, uint32_t left, uint32_t all, uint64_t now_ms);
/* Clears the line, before anything else is written. */
void progress_end(struct progress *p);

#endif
