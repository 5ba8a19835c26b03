#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "app/handover.h"
#include "app/legacy.h"
#include "tests/unit/unit.h"

static const uint8_t site[] = "the node block", one[] = "an image", two[] = "a plan";
static struct socket_set sets[] = {
	{ .kind = SOCKET_UDP, .addr = { .family = 4, .ip = { 127, 0, 0, 1 }, .port = 53 }, .fds = { 7, 8, 9 }, .count = 3 },
	{ .kind = SOCKET_TCP, .addr = { .family = 6, .ip = { 0x20, 1 }, .port = 53 }, .fds = { 10 }, .count = 1 },
	{ .kind = SOCKET_STATE_DIR, .fds = { 11 }, .count = 1 },
};

static struct handover example(void)
{
	struct handover h;
	handover_init(&h);
	h.ipc_version = 7;
	snprintf(h.from, sizeof h.from, "0.9");
	h.generations = 41;
	h.began_ms = 1234567;
	h.uid = 101;
	h.unsaved = true;
	memset(h.secret, 0x5a, sizeof h.secret);
	h.sets = sets;
	h.set_count = 3;
	h.lock_fd = 12;
	h.overlay = 13;
	h.client = 15;
	h.client_json = true;
	h.configured = (struct ctl_logging){ .level = LOG_LEVEL_INFO, .form = LOG_TEXT, .node = "ns1" };
	h.logging = h.configured;
	h.logging.level = LOG_LEVEL_DEBUG;
	h.logging.query_log = 100;
	h.begun = (struct log_settings){ LOG_LEVEL_WARNING, LOG_JSON };
	h.control_path = (char *)(uintptr_t)"/run/x.sock";
	h.children[h.child_count++] = (struct handover_child){ .role = IPC_RESPONDER, .leaves = true, .pid = 100, .restarts = 3, .fd = 16 };
	h.children[h.child_count++] = (struct handover_child){ .role = IPC_COORDINATOR, .pid = 101, .fd = 17 };
	h.site = site;
	h.site_len = sizeof site;
	ck_assert_int_eq(handover_message_add(&h.generation, one, sizeof one, 18), 0);
	ck_assert_int_eq(handover_message_add(&h.kept, two, sizeof two, -1), 0);
	return h;
}

static struct bytes encode(void)
{
	struct handover h = example();
	struct bytes b;
	bytes_init(&b, HANDOVER_LEN_MAX);
	handover_encode(&h, &b);
	ck_assert(!b.failed);
	return b;
}

static int decode(struct handover *h, const void *data, size_t len)
{
	const char *why = NULL;
	handover_init(h);
	int e = handover_decode(h, data, len, &why);
	ck_assert(!e || (why && *why));
	return e;
}

START_TEST(all_of_it_comes_through)
{
	struct bytes b = encode();
	struct handover h, was = example();
	ck_assert_int_eq(decode(&h, b.data, b.len), 0);
	ck_assert_uint_eq(h.ipc_version, 7);
	ck_assert_str_eq(h.from, "0.9");
	ck_assert_uint_eq(h.generations, 41);
	ck_assert_uint_eq(h.began_ms, 1234567);
	ck_assert(h.uid == 101 && h.gid == -1 && h.unsaved && !h.reload && h.client_json);
	ck_assert(h.logging.level == LOG_LEVEL_DEBUG && h.logging.query_log == 100 && h.configured.level == LOG_LEVEL_INFO);
	ck_assert(!h.configured.query_log && strcmp(h.configured.node, "ns1") == 0);
	ck_assert(h.begun.level == LOG_LEVEL_WARNING && h.begun.form == LOG_JSON);
	ck_assert(h.lock_fd == 12 && h.overlay == 13 && h.overlay_adds == -1 && h.client == 15);
	ck_assert_mem_eq(h.secret, was.secret, sizeof was.secret);
	ck_assert_str_eq(h.control_path, "/run/x.sock");
	ck_assert_uint_eq(h.set_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(h.sets[i].kind == sets[i].kind && addr_equal(&h.sets[i].addr, &sets[i].addr) && h.sets[i].count == sets[i].count);
		ck_assert_mem_eq(h.sets[i].fds, sets[i].fds, sets[i].count * sizeof(int));
	}
	ck_assert_uint_eq(h.child_count, 2);
	ck_assert(h.children[0].leaves && h.children[0].pid == 100 && h.children[0].restarts == 3 && h.children[0].fd == 16);
	ck_assert(h.children[1].role == IPC_COORDINATOR && !h.children[1].leaves);
	ck_assert(h.site_len == sizeof site && memcmp(h.site, site, sizeof site) == 0);
	ck_assert(h.generation.count == 1 && h.generation.list[0].fd == 18 && h.generation.list[0].len == sizeof one);
	ck_assert(h.kept.count == 1 && h.kept.list[0].fd == -1 && memcmp(h.kept.list[0].data, two, sizeof two) == 0);
	handover_deinit(&h);
	bytes_deinit(&b);
}
END_TEST

START_TEST(what_is_cut_or_changed_is_refused_or_read)
{
	struct bytes b = encode();
	struct handover h;
	for (size_t n = 0; n < b.len; n++) {
		ck_assert_int_lt(decode(&h, b.data, n), 0);
		handover_deinit(&h);
	}
	for (size_t i = 0; i < b.len; i++)
		for (unsigned v = 0; v < 256; v += 51) { /* nothing of it ends us, whatever it means then */
			uint8_t was = b.data[i];
			b.data[i] = (uint8_t)v;
			if (decode(&h, b.data, b.len) == 0)
				ck_assert(h.child_count <= HANDOVER_CHILDREN_MAX && h.set_count <= HANDOVER_SETS_MAX);
			handover_deinit(&h);
			b.data[i] = was;
		}
	bytes_deinit(&b);
}
END_TEST

START_TEST(another_version_is_understood)
{
	struct bytes b = encode(), longer;
	struct handover h;
	bytes_init(&longer, HANDOVER_LEN_MAX);
	bytes_add(&longer, b.data, 6);
	bytes_add(&longer, "\xc8\0\0\0\3new", 8); /* a record that we do not know */
	bytes_add(&longer, b.data + 6, b.len - 6);
	ck_assert_int_eq(decode(&h, longer.data, longer.len), 0);
	handover_deinit(&h);
	b.data[5] = HANDOVER_VERSION + 1;
	const char *why;
	handover_init(&h);
	ck_assert_int_eq(handover_decode(&h, b.data, b.len, &why), ERR_FORMAT);
	ck_assert(strstr(why, "restart the server instead"));
	bytes_deinit(&longer);
	bytes_deinit(&b);
}
END_TEST

START_TEST(only_open_descriptors_are_kept)
{
	struct handover h;
	handover_init(&h);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	h.lock_fd = fd;
	h.client = other;
	ck_assert_int_eq(handover_keep_open(&h, true, true), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_assert_int_eq(fcntl(other, F_GETFD), FD_CLOEXEC); /* who asked is nothing for a trial */
	ck_assert_int_eq(handover_keep_open(&h, true, false), 0);
	ck_assert_int_eq(fcntl(other, F_GETFD), 0);
	ck_assert_int_eq(handover_keep_open(&h, false, false), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(other);
	ck_assert_int_eq(handover_keep_open(&h, true, false), ERR_IO);
	close(fd);
}
END_TEST

START_TEST(last_words_are_read_by_any_version)
{
	static const uint64_t few[] = { 1, UINT64_MAX, 3 };
	uint64_t many[LEGACY_VALUES_MAX] = { 4 }, v[LEGACY_VALUES_MAX];
	uint8_t room[8192];
	struct wbuf w;
	struct rbuf r;
	enum legacy_tag tag;
	size_t n;
	wbuf_init(&w, room, sizeof room);
	legacy_put(&w, LEGACY_RESULTS, few, 3);
	legacy_put(&w, (enum legacy_tag)200, many, LEGACY_VALUES_MAX);
	legacy_put(&w, LEGACY_PAIR, few, 0);
	rbuf_init(&r, w.data, w.len);
	ck_assert(legacy_next(&r, &tag, v, &n) && tag == LEGACY_RESULTS && n == 3 && memcmp(v, few, sizeof few) == 0);
	ck_assert(legacy_next(&r, &tag, v, &n) && (int)tag == 200 && n == LEGACY_VALUES_MAX && v[0] == 4);
	ck_assert(legacy_next(&r, &tag, v, &n) && tag == LEGACY_PAIR && n == 0);
	ck_assert(!legacy_next(&r, &tag, v, &n));
	rbuf_init(&r, w.data, 20); /* cut inside a list */
	ck_assert(!legacy_next(&r, &tag, v, &n));
	static const uint8_t longer[3 + 8 * (LEGACY_VALUES_MAX + 9)] = { LEGACY_EVENTS, (LEGACY_VALUES_MAX + 9) >> 8, (LEGACY_VALUES_MAX + 9) & 255 };
	rbuf_init(&r, longer, sizeof longer);
	ck_assert(legacy_next(&r, &tag, v, &n) && n == LEGACY_VALUES_MAX);
	ck_assert(!legacy_next(&r, &tag, v, &n) && rbuf_left(&r) == 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { all_of_it_comes_through, what_is_cut_or_changed_is_refused_or_read, another_version_is_understood,
				 only_open_descriptors_are_kept, last_words_are_read_by_any_version };
	return unit_run("handover", tests, sizeof tests / sizeof *tests);
}
