/* The two questions drawn in uplink.h: the kernel answers each before the call that asks it returns. */
#include "io/uplink.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 8192 /* what the kernel tells of one interface */
#define NEWS_A_TURN 64  /* messages; more wake us again */

static int open_socket(uint32_t groups)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&own, sizeof own)) {
		close(fd);
		return -1;
	}
	return fd;
}

int uplink_open(struct uplink *u)
{
	*u = (struct uplink){ .news = open_socket(RTMGRP_LINK), .ask = open_socket(0) };
	if (u->news >= 0 && u->ask >= 0)
		return 0;
	uplink_close(u);
	return ERR_ABSENT;
}

void uplink_close(struct uplink *u)
{
	if (u->news >= 0)
		close(u->news);
	if (u->ask >= 0)
		close(u->ask);
	u->news = u->ask = -1;
}

void uplink_drain(struct uplink *u)
{
	char room[ANSWER_MAX];
	/* ENOBUFS, some were lost, is news as well. */
	for (int i = 0; i < NEWS_A_TURN && (recv(u->news, room, sizeof room, MSG_DONTWAIT) >= 0 || errno == ENOBUFS); i++)
		;
}

/* The answer to one question, behind whatever an earlier one left. NULL: none came. */
static const struct nlmsghdr *ask(struct uplink *u, struct nlmsghdr *question, char room[ANSWER_MAX])
{
	ssize_t n;
	question->nlmsg_flags = NLM_F_REQUEST;
	question->nlmsg_seq = ++u->seq;
	if (send(u->ask, question, question->nlmsg_len, MSG_DONTWAIT) < 0)
		return NULL;
	while ((n = recv(u->ask, room, ANSWER_MAX, MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)room;
		if ((size_t)n >= sizeof *h && h->nlmsg_len >= sizeof *h && h->nlmsg_len <= (size_t)n && h->nlmsg_seq == u->seq)
			return h;
	}
	return NULL;
}

static bool has_carrier(struct uplink *u, int interface, bool *loopback)
{
	struct { struct nlmsghdr h; struct ifinfomsg i; } q = { .h = { .nlmsg_len = sizeof q, .nlmsg_type = RTM_GETLINK },
								 .i = { .ifi_family = AF_UNSPEC, .ifi_index = interface } };
	char room[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = ask(u, &q.h, room);
	*loopback = false;
	if (!h || h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return true; /* nothing that is certain */
	const struct ifinfomsg *i = NLMSG_DATA(h);
	*loopback = i->ifi_flags & IFF_LOOPBACK;
	return (i->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

/* Of a route's message the interface that it leads to; 0 = none. */
static int interface_of(const struct nlmsghdr *h)
{
	size_t at = NLMSG_LENGTH(sizeof(struct rtmsg));
	while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = (const struct rtattr *)(const void *)((const char *)h + at);
		int interface;
		if (a->rta_len < sizeof *a || a->rta_len > h->nlmsg_len - at)
			break;
		if (a->rta_type == RTA_OIF && a->rta_len == RTA_LENGTH(sizeof interface)) {
			memcpy(&interface, RTA_DATA(a), sizeof interface);
			return interface;
		}
		at += RTA_ALIGN(a->rta_len);
	}
	return 0;
}

static enum uplink_way way_by(struct uplink *u, const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	int interface = interface_of(h);
	bool loopback;
	if (r->rtm_type == RTN_LOCAL || r->rtm_type == RTN_BROADCAST || r->rtm_type == RTN_MULTICAST)
		return UPLINK_LOCAL;
	if (r->rtm_type != RTN_UNICAST)
		return UPLINK_GONE; /* unreachable, blackhole, prohibit */
	if (!interface)
		return UPLINK_UNKNOWN;
	bool carrier = has_carrier(u, interface, &loopback);
	return loopback ? UPLINK_LOCAL : carrier ? UPLINK_THERE : UPLINK_GONE;
}

enum uplink_way uplink_way(struct uplink *u, const struct addr *to)
{
	size_t ip_len = to->family == 4 ? 4 : 16;
	struct { struct nlmsghdr h; struct rtmsg r; struct rtattr a; uint8_t ip[16]; } q = {
		.h = { .nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof q.r) + RTA_LENGTH(ip_len)), .nlmsg_type = RTM_GETROUTE },
		.r = { .rtm_family = to->family == 4 ? AF_INET : AF_INET6, .rtm_dst_len = (uint8_t)(8 * ip_len) },
		.a = { .rta_len = (uint16_t)RTA_LENGTH(ip_len), .rta_type = RTA_DST } };
	char room[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	if (to->family != 4 && to->family != 6)
		return UPLINK_UNKNOWN;
	memcpy(q.ip, to->ip, ip_len);
	const struct nlmsghdr *h = ask(u, &q.h, room);
	if (h && h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
		return way_by(u, h);
	if (!h || h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return UPLINK_UNKNOWN;
	int e = -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	return e == ENETUNREACH || e == EHOSTUNREACH || e == EACCES || e == ENETDOWN ? UPLINK_GONE : UPLINK_UNKNOWN;
}
