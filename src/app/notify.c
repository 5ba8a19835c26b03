#include "app/notify.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/text.h"

static struct {
	int fd; /* 0 = there is no manager; 0 itself is standard input */
	struct sockaddr_un to;
	socklen_t to_len;
	uint64_t watchdog_ms, told_ms; /* 0 = not wanted, not yet */
} manager;

static void send_text(const char *text)
{
	if (manager.fd > 0)
		(void)!sendto(manager.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&manager.to,
			      manager.to_len);
}

/* WATCHDOG_PID says whom it is meant for, where it is given. */
static uint64_t watchdog_us(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	uint64_t us = 0, whose = 0;
	if (pid && (text_parse_u64(&whose, pid, 1, UINT32_MAX) || whose != (uint64_t)getpid()))
		return 0;
	return usec && text_parse_u64(&us, usec, 1, UINT64_MAX) == 0 ? us : 0;
}

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	if (len > 1 && len < sizeof manager.to.sun_path && (*path == '/' || *path == '@')) {
		manager.to.sun_family = AF_UNIX;
		memcpy(manager.to.sun_path, path, len);
		if (*path == '@') /* an abstract one: its name begins with a zero octet */
			manager.to.sun_path[0] = '\0';
		manager.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		manager.watchdog_ms = watchdog_us() / 1000;
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

void notify_keep(bool on)
{
	char path[sizeof manager.to.sun_path + 1] = "", us[24];
	if (manager.fd <= 0)
		return;
	if (!on) {
		unsetenv("NOTIFY_SOCKET");
		unsetenv("WATCHDOG_USEC");
		return;
	}
	memcpy(path, manager.to.sun_path, manager.to_len - offsetof(struct sockaddr_un, sun_path));
	if (!*path)
		*path = '@';
	snprintf(us, sizeof us, "%" PRIu64, manager.watchdog_ms * 1000);
	setenv("NOTIFY_SOCKET", path, 1);
	if (manager.watchdog_ms)
		setenv("WATCHDOG_USEC", us, 1);
}

void notify_ready(uint64_t generation)
{
	char text[96];
	snprintf(text, sizeof text, "READY=1\nSTATUS=generation %" PRIu64 " is served", generation);
	send_text(text);
}

void notify_reloading(uint64_t now_us)
{
	char text[96];
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=loading", now_us);
	send_text(text);
}

void notify_stopping(void)
{
	send_text("STOPPING=1\nSTATUS=stopping");
}

void notify_alive(uint64_t now_ms)
{
	if (!manager.watchdog_ms || now_ms - manager.told_ms < manager.watchdog_ms / 2)
		return;
	manager.told_ms = now_ms;
	send_text("WATCHDOG=1");
}
