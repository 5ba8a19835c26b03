/* What the kernel says of the way to an address: in a network namespace of its own, which has nothing but what the test gives it. */
#include <sched.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "io/uplink.h"
#include "unit/unit.h"

static struct uplink u;

static enum uplink_way way(const char *text)
{
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, text, strlen(text), 0), 0);
	return uplink_way(&u, &a);
}

static void wait_for(const char *text, enum uplink_way wanted)
{
	while (way(text) != wanted) /* for ever, if it never comes: Check ends that */
		usleep(1000);
}

static bool has_news(void)
{
	char octet;
	return recv(u.news, &octet, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
}

static void run(const char *command)
{
	ck_assert_msg(system(command) == 0, "%s", command);
}

START_TEST(home_is_local)
{
	ck_assert_int_eq(uplink_open(&u), 0);
	ck_assert_int_eq(way("127.0.0.1"), UPLINK_LOCAL);
	ck_assert_int_eq(uplink_way(&u, &(struct addr){ 0 }), UPLINK_UNKNOWN);
	uplink_close(&u);
	ck_assert_int_eq(u.news, -1);
	ck_assert_int_eq(uplink_way(&u, &(struct addr){ .family = 4, .ip = { 127, 0, 0, 1 } }), UPLINK_UNKNOWN);
}
END_TEST

/* A tunnel has a carrier for as long as somebody has it open. */
static int open_tunnel(void)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);
	strcpy(r.ifr_name, "t0");
	return fd < 0 || ioctl(fd, TUNSETIFF, &r) ? -1 : fd;
}

static void in_a_world_of_its_own(int fd)
{
	ck_assert_int_eq(uplink_open(&u), 0);
	ck_assert_int_eq(way("192.0.2.1"), UPLINK_GONE);
	ck_assert_int_eq(way("2001:db8::1"), UPLINK_GONE);
	ck_assert_int_eq(ioctl(fd, TUNSETPERSIST, 1), 0);
	run("ip link set lo up && ip address add 192.0.2.9/24 dev t0 && ip address add 2001:db8::9/64 dev t0 nodad && ip link set t0 up");
	ck_assert(has_news());
	while (has_news()) /* some comes a moment later, when the kernel has made its routes */
		uplink_drain(&u);
	wait_for("192.0.2.1", UPLINK_THERE);
	wait_for("2001:db8::1", UPLINK_THERE);
	wait_for("192.0.2.9", UPLINK_LOCAL); /* ourselves */
	wait_for("2001:db8::9", UPLINK_LOCAL);
	ck_assert_int_eq(way("198.51.100.1"), UPLINK_GONE); /* no default route */
	run("ip route add unreachable 192.0.2.64/26");
	ck_assert_int_eq(way("192.0.2.65"), UPLINK_GONE);
	close(fd); /* the route stays, the carrier does not */
	wait_for("192.0.2.1", UPLINK_GONE);
	wait_for("2001:db8::1", UPLINK_GONE);
	ck_assert_int_eq(way("192.0.2.9"), UPLINK_LOCAL);
	uplink_close(&u);
}

START_TEST(routes_and_carriers)
{
	int status;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) ? -1 : open_tunnel();
		if (fd < 0 || system("ip link show lo >/dev/null 2>&1"))
			fprintf(stderr, "skipped: no namespace, tunnel or ip(8) for us here\n");
		else
			in_a_world_of_its_own(fd);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { home_is_local, routes_and_carriers };
	return unit_run("uplink", tests, sizeof tests / sizeof tests[0]);
}
