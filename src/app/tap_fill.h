/* What of a query and its answer goes to the tap: from a batch of datagrams, and from a connection. */
#ifndef GEMEL_APP_TAP_FILL_H
#define GEMEL_APP_TAP_FILL_H
#include "app/responder_state.h"

struct tap_batch { /* what the queries of a batch have in common; tap_batch_begin fills it */
	const struct tap *tap;
	struct tap_ring *ring;
	struct tap_turn *turn;
	struct addr server;
	uint64_t came_us, took_us;
};
/* Behind the sending. fd: the socket; came_us: clock_wall_us when the batch was read. */
void tap_batch_begin(struct tap_batch *b, const struct responder *r, struct worker *w, int fd, uint64_t came_us);
/* in: as recvmmsg left it, with the sender's address; control: of a wildcard socket, where it was asked, else NULL. response:
 * NULL = none. */
void tap_batch_query(const struct tap_batch *b, unsigned purpose, const struct msghdr *in, const uint8_t *query, size_t len,
		     const struct iovec *response);

/* A message of a connection, and its answer (len 0 = none, or it comes from elsewhere). fd: the connection. */
void tap_stream(struct responder *r, int fd, const struct addr *client, uint64_t came_us, const uint8_t *query, size_t len,
		const uint8_t *response, size_t response_len);

#endif
