#include "app/tap_fill.h"
#include <string.h>
#include "io/clock.h"
#include "io/sockaddr.h"

static bool holds(const struct listen_set *l, int fd)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->fds[i] == fd)
			return true;
	return false;
}

/* The clock may be set between the two. */
static uint64_t since(uint64_t came_us)
{
	const uint64_t now = clock_wall_us();
	return now > came_us ? now - came_us : 0;
}

void tap_batch_begin(struct tap_batch *b, const struct responder *r, struct worker *w, int fd, uint64_t came_us)
{
	*b = (struct tap_batch){ .tap = &r->tap, .ring = &r->tap.rings->ring[w->index], .turn = &w->tap, .came_us = came_us,
				 .took_us = since(came_us) };
	for (size_t i = 0; i < r->listen_count; i++)
		if (r->listens[i].kind == SOCKET_UDP && holds(&r->listens[i], fd))
			b->server = r->listens[i].addr;
}

/* Of a wildcard socket: the address that this one was sent to. */
static void asked_at(struct addr *server, const struct msghdr *m)
{
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, (struct cmsghdr *)(uintptr_t)c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			server->family = 4;
			memcpy(server->ip, &((const struct in_pktinfo *)(const void *)CMSG_DATA(c))->ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			server->family = 6;
			memcpy(server->ip, &((const struct in6_pktinfo *)(const void *)CMSG_DATA(c))->ipi6_addr, 16);
		}
	}
}

void tap_batch_query(const struct tap_batch *b, unsigned purpose, const struct msghdr *in, const uint8_t *query, size_t len,
		     const struct iovec *response)
{
	struct tap_record h = { .query_len = (uint16_t)len, .response_len = response ? (uint16_t)response->iov_len : 0,
				.purpose = (uint8_t)purpose, .server = b->server, .came_us = b->came_us, .took_us = b->took_us };
	sockaddr_to_addr(&h.client, in->msg_name);
	if (in->msg_controllen)
		asked_at(&h.server, in);
	(void)tap_ring_put(b->ring, &h, query, response ? response->iov_base : NULL); /* counted where there is no room */
}

void tap_stream(struct responder *r, int fd, const struct addr *client, uint64_t came_us, const uint8_t *query, size_t len,
		const uint8_t *response, size_t response_len)
{
	const unsigned purpose = tap_draw(&r->tap, &r->tap_turn);
	if (!purpose || len > TAP_QUERY_MAX)
		return;
	struct tap_record h = { .query_len = (uint16_t)len, .response_len = (uint16_t)response_len, .purpose = (uint8_t)purpose, .tcp = true,
				.client = *client, .came_us = came_us, .took_us = since(came_us) };
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof ss;
	if (getsockname(fd, (struct sockaddr *)&ss, &ss_len) == 0)
		sockaddr_to_addr(&h.server, &ss);
	(void)tap_ring_put(&r->tap.rings->ring[TAP_RINGS - 1], &h, query, response);
}
