/* The epoch on disk: two slots, written in turn, so that a torn write leaves the other. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "core/journal.h"
#include "io/journal_state.h"

static int epoch_open(int dir_fd, uint8_t slots[2 * EPOCH_SLOT_LEN], int *fd)
{
	int f = openat(dir_fd, "epoch", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f < 0)
		return ERR_IO;
	memset(slots, 0, 2 * EPOCH_SLOT_LEN);
	ssize_t n = pread(f, slots, 2 * EPOCH_SLOT_LEN, 0);
	/* Written in full once, so that later writes need no new block of a full disk. */
	if (n < 0 || (n < 2 * EPOCH_SLOT_LEN && (journal_write_at(f, slots, 2 * EPOCH_SLOT_LEN, 0) || fsync(dir_fd)))) {
		close(f);
		return ERR_IO;
	}
	*fd = f;
	return 0;
}

int journal_epoch_read(int dir_fd, uint64_t *epoch)
{
	uint8_t slots[2 * EPOCH_SLOT_LEN];
	uint64_t counter;
	int fd, e = epoch_open(dir_fd, slots, &fd);
	if (e)
		return e;
	close(fd);
	if (!epoch_slots_get(slots, sizeof slots, epoch, &counter))
		*epoch = 0;
	return 0;
}

int journal_epoch_write(int dir_fd, uint64_t epoch)
{
	uint8_t slots[2 * EPOCH_SLOT_LEN], slot[EPOCH_SLOT_LEN];
	uint64_t old, counter = 0;
	int fd, e = epoch_open(dir_fd, slots, &fd);
	if (e)
		return e;
	if (!epoch_slots_get(slots, sizeof slots, &old, &counter))
		counter = 0;
	counter++;
	epoch_slot_put(slot, epoch, counter);
	if (journal_write_at(fd, slot, sizeof slot, (counter & 1) * EPOCH_SLOT_LEN) || fdatasync(fd))
		e = ERR_IO;
	close(fd);
	return e;
}
