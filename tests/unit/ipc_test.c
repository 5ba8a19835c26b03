/* Messages between processes: there and back, and nothing that is cut or flipped slips through as something else. */
#include <check.h>
#include <stdlib.h>
#include "ipc/ipc.h"

static const struct ipc_set_member members[] = { { { 127, 0, 0, 11 }, 3 }, { { 127, 0, 0, 12 }, 1 }, { { 192, 0, 2, 1 }, 65535 } };
static const struct ipc_set example = {
	.class = 1, .type = 1, .owner = "\3www\7example\4test", .owner_len = 18, .ttl_s = 30, .pick = 3, .answer_n = 1, .count = 3,
	.members = members };

static size_t put(const struct ipc_set *s, uint8_t *out, size_t cap)
{
	struct wbuf w;
	wbuf_init(&w, out, cap);
	ipc_set_put(&w, s);
	return w.failed ? 0 : w.len;
}

static bool get(const uint8_t *data, size_t len, struct ipc_set *s, struct ipc_set_member *room, size_t max)
{
	struct rbuf r;
	rbuf_init(&r, data, len);
	if (ipc_type_get(&r) != IPC_SET)
		return false;
	ipc_set_get(&r, s, room, max);
	return !r.failed;
}

START_TEST(a_set_comes_back_as_it_went)
{
	uint8_t data[512];
	struct ipc_set s;
	struct ipc_set_member room[3];
	size_t len = put(&example, data, sizeof data);
	ck_assert_uint_gt(len, 0);
	ck_assert(get(data, len, &s, room, 3));
	ck_assert_uint_eq(s.count, 3);
	ck_assert_uint_eq(s.owner_len, 18);
	ck_assert_mem_eq(s.owner, example.owner, 18);
	ck_assert_uint_eq(s.ttl_s, 30);
	ck_assert_uint_eq(s.pick, 3);
	ck_assert_mem_eq(s.members[2].ip, members[2].ip, 16);
	ck_assert_uint_eq(s.members[0].weight, 3);
	ck_assert(!get(data, len, &s, room, 2)); /* more members than room */
}
END_TEST

START_TEST(ipv6_and_the_empty_set)
{
	uint8_t data[512];
	struct ipc_set s, out;
	struct ipc_set_member six = { { 0x20, 1, 0xd, 0xb8, [15] = 7 }, 1 }, room[1];
	s = example;
	s.type = 28;
	s.members = &six;
	s.count = 1;
	ck_assert(get(data, put(&s, data, sizeof data), &out, room, 1));
	ck_assert_mem_eq(out.members[0].ip, six.ip, 16);
	s.count = 0;
	ck_assert(get(data, put(&s, data, sizeof data), &out, room, 1));
	ck_assert_uint_eq(out.count, 0);
	s.type = 16;
	ck_assert_uint_eq(put(&s, data, sizeof data), 0);
}
END_TEST

START_TEST(cuts_and_flips)
{
	uint8_t data[512], again[512];
	struct ipc_set s;
	struct ipc_set_member room[8];
	size_t len = put(&example, data, sizeof data);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1);
		memcpy(exact, data, cut);
		ck_assert(!get(exact, cut, &s, room, 8));
		free(exact);
	}
	ck_assert(!get(data, len + 1, &s, room, 8));
	for (size_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (get(data, len, &s, room, 8)) {
			ck_assert_uint_eq(put(&s, again, sizeof again), len);
			ck_assert_mem_eq(again, data, len);
		}
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(nonsense_in_a_set)
{
	uint8_t data[512];
	struct ipc_set s = example, out;
	struct ipc_set_member room[8];
	s.pick = 5;
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
	s = example; s.ttl_s = 0x80000000;
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
	s = example; s.owner[1] = 'W';
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
	s = example; s.owner[0] = 64;
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
	s = example; s.owner_len = 17;
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
	s = example; s.signature_len = 1;
	ck_assert(!get(data, put(&s, data, sizeof data), &out, room, 8));
}
END_TEST

START_TEST(heads_and_addresses)
{
	uint8_t data[64];
	struct wbuf w;
	struct rbuf r;
	struct addr out, list[] = { { 0 }, { 4, { 127, 0, 0, 1 }, 53 }, { 6, { [15] = 1 }, 0 } };
	wbuf_init(&w, data, sizeof data);
	ipc_begin(&w, IPC_COLD);
	for (size_t i = 0; i < 3; i++)
		ipc_addr_put(&w, &list[i]);
	rbuf_init(&r, data, w.len);
	ck_assert_int_eq(ipc_type_get(&r), IPC_COLD);
	for (size_t i = 0; i < 3; i++) {
		ipc_addr_get(&r, &out);
		ck_assert(addr_equal(&out, &list[i]));
	}
	ck_assert(!r.failed && rbuf_left(&r) == 0);

	static const uint8_t bad_heads[][4] = { { 0, 0, 0, 0 }, { 0, IPC_TYPE_MAX, 0, 0 }, { 0, 1, 0, 1 }, { 1, 1, 0, 0 } };
	for (size_t i = 0; i < 4; i++) {
		rbuf_init(&r, bad_heads[i], 4);
		ck_assert_int_eq(ipc_type_get(&r), IPC_NONE);
		ck_assert(r.failed);
	}
	rbuf_init(&r, "\5\1\2\3\4\5\6\7", 8); /* no such family */
	ipc_addr_get(&r, &out);
	ck_assert(r.failed);
	ck_assert_uint_eq(out.family, 0);
	ck_assert_str_eq(ipc_role_text(IPC_PROBER), "prober");
	ck_assert_str_eq(ipc_role_text(IPC_TAP), "tap");
	ck_assert_str_eq(ipc_role_text((enum ipc_role)99), "none");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc");
	TCase *t = tcase_create("messages");
	tcase_add_test(t, a_set_comes_back_as_it_went);
	tcase_add_test(t, ipv6_and_the_empty_set);
	tcase_add_test(t, cuts_and_flips);
	tcase_add_test(t, nonsense_in_a_set);
	tcase_add_test(t, heads_and_addresses);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
