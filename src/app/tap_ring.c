#include "app/tap_ring.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int tap_rings_create(void)
{
	int fd = memfd_create("gemel-tap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ERR_IO;
	if (ftruncate(fd, sizeof(struct tap_rings)) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		close(fd);
		return ERR_IO;
	}
	return fd;
}

/* Sealed and of that size, or a page could go from under us. */
int tap_rings_map(struct tap_rings **r, int fd)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) || st.st_size != (off_t)sizeof **r)
		return ERR_FORMAT;
	void *at = mmap(NULL, sizeof **r, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return ERR_IO;
	*r = at;
	return 0;
}

static size_t whole(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

bool tap_ring_put(struct tap_ring *r, const struct tap_record *head, const void *query, const void *response)
{
	const uint64_t at = r->head, used = at - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	const size_t len = whole(sizeof *head + head->query_len + head->response_len);
	const size_t place = at % TAP_RING_LEN & ~(size_t)7, left = TAP_RING_LEN - place, skip = len > left ? left : 0;
	uint8_t *to = r->data + (skip ? 0 : place);
	struct tap_record record = *head;
	if (used > TAP_RING_LEN || skip + len > TAP_RING_LEN - used) {
		__atomic_store_n(&r->dropped, r->dropped + 1, __ATOMIC_RELAXED);
		return false;
	}
	if (skip)
		memcpy(r->data + place, &(uint32_t){ TAP_SKIP }, sizeof(uint32_t)); /* places are multiples of 8: there is room */
	record.len = (uint32_t)len;
	memcpy(to, &record, sizeof record);
	memcpy(to + sizeof record, query, record.query_len);
	if (record.response_len)
		memcpy(to + sizeof record + record.query_len, response, record.response_len);
	__atomic_store_n(&r->head, at + skip + len, __ATOMIC_RELEASE);
	return true;
}

static bool give_up(struct tap_ring *r, uint64_t head, uint64_t *broken)
{
	++*broken;
	__atomic_store_n(&r->tail, head & ~(uint64_t)7, __ATOMIC_RELEASE);
	return false;
}

/* place: of the record; avail: octets from there on that were written. */
static bool copy_record(const struct tap_ring *r, size_t place, uint64_t avail, struct tap_copy *out)
{
	struct tap_record *h = &out->record;
	if (avail < sizeof *h || TAP_RING_LEN - place < sizeof *h)
		return false;
	memcpy(h, r->data + place, sizeof *h); /* once: the writer may change it meanwhile, if it is none of ours any more */
	const size_t content = (size_t)h->query_len + h->response_len;
	if (h->len != whole(sizeof *h + content) || h->len > avail || h->len > TAP_RING_LEN - place)
		return false;
	memcpy(out->room, r->data + place + sizeof *h, content);
	out->query = out->room;
	out->response = out->room + h->query_len;
	return true;
}

bool tap_ring_get(struct tap_ring *r, struct tap_copy *out, uint64_t *broken)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), tail = r->tail, avail = head - tail;
	uint32_t first;
	if (!avail)
		return false;
	if (avail > TAP_RING_LEN || tail % 8 || avail % 8)
		return give_up(r, head, broken);
	memcpy(&first, r->data + tail % TAP_RING_LEN, sizeof first);
	if (first == TAP_SKIP) {
		const size_t skip = TAP_RING_LEN - tail % TAP_RING_LEN;
		if (skip >= avail)
			return give_up(r, head, broken);
		tail += skip;
		avail -= skip;
	}
	if (!copy_record(r, tail % TAP_RING_LEN, avail, out))
		return give_up(r, head, broken);
	__atomic_store_n(&r->tail, tail + out->record.len, __ATOMIC_RELEASE);
	return true;
}
