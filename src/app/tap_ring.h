/* From the threads that answer to the tap, which writes: what was asked and what was answered, through memory that both have.
 * A ring has one writer (a thread) and one reader (the tap). The writer never waits: what does not fit is dropped, and counted.
 *
 *     | read, free |  record | record | record |   free        |
 *                  ^tail (the reader's)        ^head (the writer's)       both count on for ever; the place is the count mod the size
 *
 *     record:  struct tap_record | query | response | up to a multiple of 8
 *
 * No record crosses the end of the ring: one whose `len` is TAP_SKIP says that the next is at the beginning.
 * Neither side believes the other: the writer takes a tail that cannot be for a full ring, the reader copies a record out before it
 * looks at it, and gives up what a head that cannot be, or a record that does not fit itself, would make it read.
 */
#ifndef GEMEL_APP_TAP_RING_H
#define GEMEL_APP_TAP_RING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/err.h"

#define TAP_RINGS 65              /* RESPONDER_WORKERS_MAX, and the main thread */
#define TAP_RING_LEN (2u << 20)   /* some 10 ms of all that a busy worker is asked and answers; a page that is not used takes none */
#define TAP_QUERY_MAX 65535
#define TAP_RESPONSE_MAX 65535
#define TAP_SKIP UINT32_MAX

enum tap_purpose { TAP_QUERY_LOG = 1, TAP_DNSTAP = 2 }; /* bits */

struct tap_record {
	uint32_t len; /* of the whole record, set by tap_ring_put */
	uint16_t query_len, response_len; /* 0 = there was no response, or it comes from elsewhere */
	uint8_t purpose;   /* bits of enum tap_purpose */
	uint8_t tcp;
	struct addr client, server;
	uint64_t came_us;  /* when it was read, since 1970 */
	uint64_t took_us;  /* until its answer was handed to the kernel */
};

struct tap_ring {
	uint64_t head __attribute__((aligned(64)));
	uint64_t dropped; /* records that did not fit; the writer's */
	uint64_t tail __attribute__((aligned(64)));
	uint8_t data[TAP_RING_LEN] __attribute__((aligned(64)));
};
struct tap_rings { struct tap_ring ring[TAP_RINGS]; };

#define TAP_RECORD_MAX (sizeof(struct tap_record) + TAP_QUERY_MAX + TAP_RESPONSE_MAX + 8)
struct tap_copy { /* the reader's */
	struct tap_record record;
	const uint8_t *query, *response; /* in room */
	uint8_t room[TAP_RECORD_MAX];
};

/* A memfd of TAP_RINGS empty rings, which can neither shrink nor grow; the caller's. ERR_IO with errno. */
int tap_rings_create(void) MUST_CHECK;
/* Maps it, for good. ERR_IO; ERR_FORMAT for anything else than that. The descriptor stays the caller's. */
int tap_rings_map(struct tap_rings **r, int fd) MUST_CHECK;

/* The writer's: false where there is no room; that is counted. */
bool tap_ring_put(struct tap_ring *r, const struct tap_record *head, const void *query, const void *response);
/* The reader's: false where there is nothing. *broken counts what could not be. */
bool tap_ring_get(struct tap_ring *r, struct tap_copy *out, uint64_t *broken);

#endif
