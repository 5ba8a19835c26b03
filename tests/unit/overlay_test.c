/* The overlay in the responder: transactions into a view, whole and partial, early, stale, refused and torn. */
#include "tests/unit/overlay_kit.h"

START_TEST(a_new_view_waits_for_everything)
{
	setup();
	r->waiting = view(5);
	begin(5, 1, IPC_BEGIN_PART); /* a part: of what the last responder was told */
	set(WWW, 11);
	commit(5, 1);
	ck_assert_ptr_null(r->view);
	begin(5, 2, IPC_BEGIN_WHOLE);
	set(WWW, 12);
	ck_assert_ptr_null(r->view);
	commit(5, 2);
	ck_assert_ptr_nonnull(r->view);
	ck_assert_ptr_null(r->waiting);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(nothing_shows_before_commit)
{
	setup();
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_PART);
	set(WWW, 12);
	withdraw(SHOP);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
	commit(5, 2);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(a_part_leaves_the_rest_and_a_whole_withdraws_it)
{
	setup();
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_PART);
	set(WWW, 12);
	commit(5, 2);
	ck_assert_int_eq(answer(SHOP), 21);
	begin(5, 3, IPC_BEGIN_WHOLE);
	set(WWW, 13);
	commit(5, 3);
	ck_assert_int_eq(answer(WWW), 13);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(a_first_round_is_enough_to_start_from_and_withdraws_nothing)
{
	setup();
	r->waiting = view(5);
	begin(5, 1, IPC_BEGIN_KEEP);
	set(WWW, 11);
	commit(5, 1);
	ck_assert_ptr_nonnull(r->view);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 0);
	begin(5, 2, IPC_BEGIN_KEEP);
	set(SHOP, 22);
	commit(5, 2);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 22);
	teardown();
}
END_TEST

START_TEST(one_slot_twice_is_the_last_of_them)
{
	setup();
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_WHOLE);
	for (uint8_t i = 30; i < 200; i++)
		set(WWW, i);
	commit(5, 2);
	ck_assert_int_eq(answer(WWW), 199);
	teardown();
}
END_TEST

START_TEST(a_transaction_broken_off_is_dropped)
{
	setup();
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_PART);
	set(WWW, 12);
	begin(5, 3, IPC_BEGIN_PART); /* another coordinator: the first died in the middle */
	set(SHOP, 22);
	commit(5, 3);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 22);
	commit(5, 4); /* without a beginning */
	set(WWW, 14);
	commit(5, 5);
	ck_assert_int_eq(answer(WWW), 11);
	teardown();
}
END_TEST

START_TEST(names_and_types_that_are_not_live_are_passed_over)
{
	setup();
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_PART);
	set("static.example.test", 66);
	set("other.test", 66);
	withdraw("nowhere.example.test");
	set(WWW, 12);
	commit(5, 2);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer("static.example.test"), -1);
	teardown();
}
END_TEST

START_TEST(an_unknown_generation_waits)
{
	setup();
	serve_generation(5);
	begin(6, 2, IPC_BEGIN_WHOLE);
	ck_assert(wait);
	r->waiting = view(6); /* START came: reading goes on where it stopped */
	set(WWW, 16);
	commit(6, 2);
	ck_assert_uint_eq(r->view->generation, 6);
	ck_assert_int_eq(answer(WWW), 16);
	teardown();
}
END_TEST

START_TEST(a_stale_generation_is_ignored)
{
	setup();
	serve_generation(6);
	begin(5, 9, IPC_BEGIN_WHOLE);
	ck_assert(!wait);
	set(WWW, 15);
	commit(5, 9);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
	teardown();
}
END_TEST

/* Until the new generation's answers come, the old one's health still moves. */
START_TEST(the_old_generation_lives_until_the_new_one_is_whole)
{
	setup();
	serve_generation(5);
	r->waiting = view(6);
	begin(5, 2, IPC_BEGIN_PART);
	ck_assert(!wait);
	set(WWW, 12);
	commit(5, 2);
	ck_assert_uint_eq(r->view->generation, 5);
	ck_assert_int_eq(answer(WWW), 12);
	begin(6, 3, IPC_BEGIN_WHOLE);
	set(WWW, 16);
	commit(6, 3);
	ck_assert_uint_eq(r->view->generation, 6);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(an_overtaken_transaction_touches_no_view)
{
	setup();
	serve_generation(5);
	r->waiting = view(6);
	begin(6, 2, IPC_BEGIN_WHOLE);
	set(WWW, 16);
	view_free(r->waiting);
	r->waiting = view(7);
	commit(6, 2);
	ck_assert_uint_eq(r->view->generation, 5);
	ck_assert_uint_eq(r->waiting->generation, 7);
	ck_assert_int_eq(answer(WWW), 11);
	teardown();
}
END_TEST

START_TEST(a_refused_generation_moves_the_answers_of_the_old_one)
{
	setup();
	serve_generation(5);
	r->refused = 6;
	begin(6, 2, IPC_BEGIN_WHOLE);
	ck_assert(!wait);
	set(WWW, 16);
	commit(6, 2);
	ck_assert_uint_eq(r->view->generation, 5);
	ck_assert_int_eq(answer(WWW), 16);
	ck_assert_int_eq(answer(SHOP), 21); /* of which the new configuration says nothing */
	begin(7, 3, IPC_BEGIN_WHOLE);
	ck_assert(wait);
	r->waiting = view(7);
	set(WWW, 17);
	commit(7, 3);
	ck_assert_uint_eq(r->view->generation, 7);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(nonsense_changes_nothing)
{
	setup();
	serve_generation(5);
	uint8_t data[64] = { 0 };
	bool now;
	for (unsigned type = IPC_BEGIN; type <= IPC_COMMIT; type++)
		for (size_t len = 4; len < sizeof data; len++) {
			begin(5, 2, IPC_BEGIN_PART);
			for (size_t i = 4; i < len; i++)
				data[i] = (uint8_t)(i * 37 + len);
			store_u16(data, (uint16_t)type);
			overlay_message(r, data, len, &now);
			if (type == IPC_COMMIT)
				break; /* that one is right whatever follows its head */
		}
	begin(5, 3, IPC_BEGIN_PART);
	commit(5, 3);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_new_view_waits_for_everything, nothing_shows_before_commit,
				 a_part_leaves_the_rest_and_a_whole_withdraws_it,
				 a_first_round_is_enough_to_start_from_and_withdraws_nothing, one_slot_twice_is_the_last_of_them,
				 a_transaction_broken_off_is_dropped,
				 names_and_types_that_are_not_live_are_passed_over, an_unknown_generation_waits,
				 a_stale_generation_is_ignored, the_old_generation_lives_until_the_new_one_is_whole,
				 an_overtaken_transaction_touches_no_view,
				 a_refused_generation_moves_the_answers_of_the_old_one, nonsense_changes_nothing };
	return unit_run("overlay", tests, sizeof tests / sizeof *tests);
}
