#include "app/overlay_log.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/buf.h"
#include "ipc/ipc.h"

#define COMPACT_MIN (1u << 20)
#define COMPACT_GROWTH 4 /* times the whole state: replay stays short, and writing anew stays rare */

int overlay_log_start(struct overlay_log *l)
{
	int fd = memfd_create("gemel-overlay", MFD_CLOEXEC);
	uint64_t zero = OVERLAY_LOG_HEAD;
	if (fd < 0)
		return ERR_IO;
	if (pwrite(fd, &zero, sizeof zero, 0) != sizeof zero) {
		close(fd);
		return ERR_IO;
	}
	overlay_log_end(l);
	*l = (struct overlay_log){ .fd = fd, .len = OVERLAY_LOG_HEAD, .committed = OVERLAY_LOG_HEAD, .compact_at = COMPACT_MIN };
	return 0;
}

void overlay_log_end(struct overlay_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void overlay_log_add(struct overlay_log *l, const void *message, size_t len)
{
	uint8_t frame[4 + IPC_MESSAGE_MAX];
	if (l->fd < 0 || l->failed || len > IPC_MESSAGE_MAX)
		return;
	store_u32(frame, (uint32_t)len);
	memcpy(frame + 4, message, len);
	if (pwrite(l->fd, frame, len + 4, (off_t)l->len) != (ssize_t)(len + 4))
		l->failed = true;
	l->len += len + 4;
}

void overlay_log_commit(struct overlay_log *l, bool whole)
{
	if (l->fd < 0 || l->failed)
		return;
	l->committed = l->len;
	if (pwrite(l->fd, &l->committed, sizeof l->committed, 0) != sizeof l->committed)
		l->failed = true;
	/* By the size of the state, not by a fixed one: a large state would else be due again as soon as it is written. */
	if (whole && l->len > COMPACT_MIN / COMPACT_GROWTH)
		l->compact_at = l->len * COMPACT_GROWTH;
}

bool overlay_log_is_due(const struct overlay_log *l)
{
	return l->fd >= 0 && (l->failed || l->len > l->compact_at);
}

bool overlay_log_next(const uint8_t *data, size_t len, size_t *pos, const uint8_t **message, size_t *message_len)
{
	uint64_t committed;
	if (len < OVERLAY_LOG_HEAD)
		return false;
	memcpy(&committed, data, sizeof committed);
	if (committed < len)
		len = (size_t)committed;
	size_t at = *pos ? *pos : OVERLAY_LOG_HEAD;
	if (at > len || len - at < 4)
		return false;
	size_t n = load_u32(data + at);
	if (n > len - at - 4)
		return false;
	*message = data + at + 4;
	*message_len = n;
	*pos = at + 4 + n;
	return true;
}
