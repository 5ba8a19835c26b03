/* The sockets the supervisor opens once and holds across every restart of its children, so that the kernel goes on queueing.
 *
 *     a listen address ─▶ S UDP sockets (SO_REUSEPORT; worker i of W reads those ≡ i mod W) + one TCP listener
 */
#ifndef GEMEL_APP_SOCKETS_H
#define GEMEL_APP_SOCKETS_H
#include <stdbool.h>
#include <stddef.h>
#include "app/activation.h"
#include "base/addr.h"
#include "core/plan.h"

/* Told to other versions in an upgrade: numbers stay, new ones come at the end. */
enum socket_kind { SOCKET_NONE = 0, SOCKET_UDP, SOCKET_TCP, SOCKET_PEER, SOCKET_CONTROL, SOCKET_STATE_DIR, SOCKET_PEER_TCP, SOCKET_HTTP,
	SOCKET_PING /* raw ICMP, where the prober may not open ping sockets itself */ };

#define SOCKETS_PER_ADDRESS_MAX 32 /* S; descriptors of one address must fit one message */
#define SOCKET_BUFFER (8 << 20)    /* octets asked for each UDP socket: what a restart of the responder must outlast */

struct socket_set {
	enum socket_kind kind;
	struct addr addr;
	int fds[SOCKETS_PER_ADDRESS_MAX];
	size_t count;
};
struct sockets {
	struct socket_set *sets;
	size_t count;
	int lock_fd;
	char *control_path; /* unlinked at the end; NULL where it is the service manager's */
	struct activation *given; /* while they are opened: what is there already */
};

/* Opens all that the node asks for, but takes what `given` has. On failure tells standard error which address or path and why, closes everything and
 * returns ERR_IO, ERR_BUSY (another server is there) or ERR_NOMEM. uid, gid: who owns the state folder (-1 = leave). */
int sockets_open(struct sockets *s, const struct plan_node *n, int uid, int gid, struct activation *given) MUST_CHECK;
void sockets_close(struct sockets *s);

#endif
