/* The journal, shared between its two files: journal.c (the file), journal_sync.c (durability: the thread, compaction). */
#ifndef GEMEL_IO_JOURNAL_STATE_H
#define GEMEL_IO_JOURNAL_STATE_H
#include <pthread.h>
#include "io/journal.h"

struct journal_file {
	int fd; /* -1 = none */
	uint64_t len, frame; /* whole frames only; number of the last one: callers' numbers are their own */
};
enum journal_swap { SWAP_NONE = 0, SWAP_WANTED, SWAP_DONE, SWAP_FAILED };

struct journal {
	struct journal_hooks hooks;
	int dir_fd;
	struct journal_file file, next; /* next: the compacted one, until it has taken the place */
	uint64_t compact_at;
	uint64_t given_seq, synced_seq; /* the last record handed to us; the last one told to be durable */
	int unwritable; /* why the file could not be opened for writing; it is then read, and closed */
	bool lost;   /* a record is not in the file: only a fresh one with the whole state helps */
	bool lost_before; /* as it was before the compaction under way */
	bool broken; /* fdatasync failed: so does this file */
	bool urgent; /* somebody waits for durability (journal_sync now) */
	bool again;  /* compact once more when this one is done */
	uint64_t retry_ms; /* not before, unless urgent */
	struct event *timer, *done;
	int done_fd; /* eventfd: the thread tells the loop */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct { /* under lock */
		uint64_t wanted_seq, wanted_len, finished_seq, finished_len;
		int fd, new_fd;
		uint64_t new_seq, new_len;
		enum journal_swap swap;
		int sync_errno, swap_errno; /* sync: 0 or why fdatasync failed; stays until a swap */
		bool end;
	} job;
};

int journal_thread_start(struct journal *j, struct event_base *base) MUST_CHECK;
void journal_thread_end(struct journal *j); /* what it was doing is done after */
/* pwrite of all of it. ERR_IO with errno. */
int journal_write_at(int fd, const void *p, size_t len, uint64_t at) MUST_CHECK;
int journal_file_add(struct journal_file *f, const uint8_t *record, size_t len) MUST_CHECK;

#endif
