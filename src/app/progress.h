/* Telling people how far a long load is: a line that is written over on a terminal, a line now and then in a log.
 *
 *     loading: 34000 of 100000 zones, 408000 records read
 */
#ifndef GEMEL_APP_PROGRESS_H
#define GEMEL_APP_PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	uint64_t logged_ms; /* 0 = nothing yet */
	bool on_line;       /* the terminal's line has it, and no end yet */
};

#define PROGRESS_TEXT_MAX 128
const char *progress_text(char out[PROGRESS_TEXT_MAX], uint32_t zones, uint32_t all, uint64_t records);
void progress_tell(struct progress *p, uint32_t zones, uint32_t all, uint64_t records, uint64_t now_ms);
/* Clears the line, before anything else is written. */
void progress_end(struct progress *p);

#endif
