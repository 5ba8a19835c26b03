/* Memory that is built in and then sealed. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/memfd.h"
#include "tests/unit/unit.h"

#define MAX ((size_t)1 << 32)

START_TEST(what_is_built_stays_in_place_and_is_sealed)
{
	struct memfd_room room = { 0 };
	struct bytes b;
	const uint8_t *map;
	size_t len;
	struct stat st;

	ck_assert_int_eq(memfd_room_init(&room, "test", MAX), 0);
	bytes_init_in(&b, MAX, &room.room);
	bytes_u32(&b, 0x01020304);
	const uint8_t *first = b.data;
	for (unsigned i = 0; i < 100000; i++)
		bytes_u64(&b, i);
	uint8_t *zeros = bytes_zero(&b, 5000000);
	ck_assert_ptr_nonnull(zeros);
	ck_assert(zeros[0] == 0 && zeros[4999999] == 0);
	zeros[7] = 7;
	ck_assert(!b.failed);
	ck_assert_ptr_eq(b.data, first);
	ck_assert_uint_eq(b.len, 4 + 800000 + 5000000);
	int fd = memfd_room_seal(&room, b.len);
	ck_assert_int_ge(fd, 0);
	ck_assert(memfd_is_sealed(fd));
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((size_t)st.st_size, b.len);
	ck_assert_uint_lt((size_t)st.st_blocks * 512, b.len + 8192); /* what was asked for too much is given back */
	ck_assert_int_eq(memfd_map(fd, &map, &len), 0);
	ck_assert_uint_eq(len, b.len);
	ck_assert_mem_eq(map, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 20);
	ck_assert_uint_eq(map[4 + 800000 + 7], 7);
	memfd_unmap(map, len);
	ck_assert_ptr_eq(mmap(NULL, len, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
	bytes_deinit(&b);
	memfd_room_deinit(&room);
}
END_TEST

START_TEST(a_room_ends_where_it_was_told)
{
	struct memfd_room room = { 0 };
	struct bytes b;

	memfd_room_deinit(&room); /* all zero: nothing to do */
	ck_assert_int_eq(memfd_room_init(&room, "test", 1 << 20), 0);
	bytes_init_in(&b, MAX, &room.room);
	ck_assert_ptr_nonnull(bytes_zero(&b, 1 << 20));
	bytes_u8(&b, 1);
	ck_assert(b.failed);
	ck_assert_uint_eq(b.len, 1 << 20);
	bytes_deinit(&b);
	memfd_room_deinit(&room);
	memfd_room_deinit(&room);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_is_built_stays_in_place_and_is_sealed, a_room_ends_where_it_was_told };

	return unit_run("memfd", tests, sizeof tests / sizeof *tests);
}
