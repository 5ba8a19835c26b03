/* Where probes leave from: one address a family, or what the system chooses. What cannot be left from says nothing of the
 * target: the check is impossible here, which takes nothing down, and raises an alarm once it lasts.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "io/probe_state.h"
#include "io/sockaddr.h"

static int bind_to(int fd, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, a);
	const int on = 1;

	/* A port is chosen when it is known whom to connect to: there are more of them then. Only a matter of room. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&ss, len);
}

static bool fail(struct probe *p, const struct addr *source)
{
	const int error = errno;
	char text[ADDR_TEXT_MAX];

	probe_fail(p, HEALTH_CHECK_IMPOSSIBLE, "probe_source %s: %s", addr_format(source, false, text), strerror(error));
	return false;
}

bool probe_leave_from(struct probe *p, int fd, uint8_t family)
{
	const struct addr *source = probe_source_of(p, family);

	return source == NULL || bind_to(fd, source) == 0 || fail(p, source);
}

bool probe_leave_shared(struct probe *p, int fd, uint8_t family, struct addr *bound)
{
	const struct addr any = { .family = family }, *source = probe_source_of(p, family);
	const struct addr *wanted = source != NULL ? source : &any;

	/* Bound again each time: the address may have gone, and a silence that comes of that would count against the target. */
	if (source == NULL && (bound->family == 0 || addr_is_any(bound)))
		return true;
	if (bind_to(fd, wanted) != 0)
		return fail(p, wanted);
	*bound = *wanted;
	return true;
}
