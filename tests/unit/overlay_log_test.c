/* What a new responder is given: the overlay's log, whole or torn, and images; and a reader who holds on while they change. */
#include "tests/unit/overlay_kit.h"

/* ---- the log ---- */

START_TEST(the_log_brings_a_new_responder_up_to_date)
{
	setup();
	ck_assert_int_eq(overlay_log_start(&record), 0);
	serve_generation(5);
	begin(5, 2, IPC_BEGIN_PART);
	set(WWW, 12);
	commit(5, 2);
	begin(5, 3, IPC_BEGIN_PART);
	set(WWW, 13); /* the coordinator died here */
	view_free(r->view);
	r->view = NULL;
	r->waiting = view(5);
	overlay_replay(r, record.fd, false);
	ck_assert_ptr_nonnull(r->view);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer(SHOP), 21);
	overlay_log_end(&record);
	teardown();
}
END_TEST

/* A coordinator died, the next one was in its first round, then the responder died. */
START_TEST(what_a_new_coordinator_adds_stands_above_the_old_log)
{
	setup();
	ck_assert_int_eq(overlay_log_start(&record), 0);
	serve_generation(5);
	struct overlay_log old = record;
	record = (struct overlay_log){ .fd = -1 };
	ck_assert_int_eq(overlay_log_start(&record), 0);
	begin(5, 1, IPC_BEGIN_KEEP);
	set(WWW, 12);
	commit(5, 1);
	view_free(r->view);
	r->view = NULL;
	r->waiting = view(5);
	overlay_replay(r, old.fd, false);
	overlay_replay(r, record.fd, false);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer(SHOP), 21);
	overlay_log_end(&old);
	overlay_log_end(&record);
	teardown();
}
END_TEST

START_TEST(a_log_of_another_generation_is_no_answer)
{
	for (uint64_t other = 4; other <= 6; other += 2) {
		setup();
		ck_assert_int_eq(overlay_log_start(&record), 0);
		serve_generation(other);
		view_free(r->view);
		r->view = NULL;
		r->waiting = view(5);
		overlay_replay(r, record.fd, false);
		ck_assert_ptr_null(r->view);
		begin(5, 9, IPC_BEGIN_WHOLE); /* and what then comes is taken */
		set(WWW, 19);
		commit(5, 9);
		ck_assert_int_eq(answer(WWW), 19);
		overlay_log_end(&record);
		teardown();
	}
}
END_TEST

/* Cut anywhere, or with a head that lies, it is a prefix of whole messages and nothing else. */
START_TEST(a_torn_log_is_read_up_to_the_tear)
{
	uint8_t data[512];
	struct overlay_log l = { .fd = -1 };
	ck_assert_int_eq(overlay_log_start(&l), 0);
	for (unsigned i = 1; i <= 10; i++) {
		memset(data, (int)i, i);
		overlay_log_add(&l, data, i);
	}
	size_t pos = 0, n;
	const uint8_t *m;
	ssize_t len = pread(l.fd, data, sizeof data, 0);
	ck_assert_int_eq(len, 8 + 10 * 4 + 55);
	ck_assert(!overlay_log_next(data, (size_t)len, &pos, &m, &n)); /* nothing is committed */
	overlay_log_commit(&l, false);
	len = pread(l.fd, data, sizeof data, 0);
	for (size_t cut = 0; cut <= (size_t)len; cut++) {
		uint8_t *copy = malloc(cut + 1); /* so that a sanitizer sees a step beyond */
		size_t whole = 8;
		unsigned expected = 0, got = 0;
		memcpy(copy, data, cut);
		while (expected < 10 && whole + 4 + expected + 1 <= cut)
			whole += 4 + ++expected;
		for (pos = 0; overlay_log_next(copy, cut, &pos, &m, &n); got++) {
			ck_assert_uint_eq(n, got + 1);
			ck_assert_uint_eq(m[n - 1], got + 1);
		}
		ck_assert_uint_eq(got, expected);
		free(copy);
	}
	for (unsigned octet = 0; octet < 8 + 4; octet++) {
		uint8_t bad[512];
		memcpy(bad, data, (size_t)len);
		bad[octet] = 0xff;
		for (pos = 0; overlay_log_next(bad, (size_t)len, &pos, &m, &n);)
			ck_assert(m >= bad && m + n <= bad + len);
	}
	overlay_log_end(&l);
}
END_TEST

START_TEST(a_log_shortened_under_the_reader_is_refused)
{
	setup();
	ck_assert_int_eq(overlay_log_start(&record), 0);
	serve_generation(5);
	view_free(r->view);
	r->view = NULL;
	r->waiting = view(5);
	for (off_t len = 0; len < 40; len++) {
		int fd = memfd_create("cut", MFD_CLOEXEC);
		uint8_t data[4096];
		ssize_t n = pread(record.fd, data, sizeof data, 0);
		ck_assert_int_gt(n, len);
		ck_assert_int_eq(write(fd, data, (size_t)len), len);
		overlay_replay(r, fd, false);
		ck_assert_ptr_null(r->view);
		close(fd);
	}
	overlay_log_end(&record);
	teardown();
}
END_TEST

START_TEST(a_log_is_due_by_the_size_of_its_state)
{
	static uint8_t message[IPC_MESSAGE_MAX];
	struct overlay_log l = { .fd = -1 };
	ck_assert(!overlay_log_is_due(&l));
	ck_assert_int_eq(overlay_log_start(&l), 0);
	for (int i = 0; i < 64; i++) /* a state of 4 MiB */
		overlay_log_add(&l, message, sizeof message);
	overlay_log_commit(&l, true);
	ck_assert(!overlay_log_is_due(&l));
	unsigned parts = 0;
	while (!overlay_log_is_due(&l) && parts < 1000) {
		overlay_log_add(&l, message, sizeof message);
		overlay_log_commit(&l, false);
		parts++;
	}
	ck_assert_uint_gt(parts, 64);
	ck_assert_uint_lt(parts, 1000);
	overlay_log_end(&l);
}
END_TEST

/* ---- views ---- */

START_TEST(only_whole_sealed_images_are_taken)
{
	setup();
	uint8_t data[65536];
	ssize_t len = pread(images[0], data, sizeof data, 0);
	ck_assert_int_gt(len, 100);
	int loose = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(write(loose, data, (size_t)len), len);
	int cut = sealed(data, (size_t)len - 1), junk = sealed("junk", 4), odd = sealed(data, sizeof(struct answer_zone_ref) + 1);
	int two[2] = { images[0], junk };
	ck_assert_ptr_null(overlay_view(1, NULL, &loose, 1, zones, 1));
	ck_assert_ptr_null(overlay_view(1, NULL, &cut, 1, zones, 1));
	ck_assert_ptr_null(overlay_view(1, NULL, &junk, 1, zones, 1)); /* refused as ERR_FORMAT, which an empty list of zones is, too */
	ck_assert_ptr_null(overlay_view(1, NULL, two, 2, zones, 1));
	ck_assert_ptr_null(overlay_view(1, NULL, images, 1, odd, 1));
	ck_assert_ptr_null(overlay_view(1, NULL, images, 1, -1, 1));
	struct answer_zone_ref beyond = { .image = 1 };
	int stranger = sealed(&beyond, sizeof beyond);
	ck_assert_ptr_null(overlay_view(1, NULL, images, 1, stranger, 1));
	close(loose);
	close(cut);
	close(junk);
	close(odd);
	close(stranger);
	teardown();
}
END_TEST

/* What the old view holds is not looked through again; a stranger beside it is. */
START_TEST(images_of_the_old_view_are_taken_as_they_are)
{
	setup();
	uint8_t data[65536];
	ssize_t len = pread(images[0], data, sizeof data, 0);
	ck_assert_int_gt(len, 100);
	data[len - 1] ^= 1; /* the same header, another body */
	int damaged = sealed(data, (size_t)len);
	struct view *old = overlay_view(1, NULL, images, 1, zones, 1), *same = overlay_view(2, old, images, 1, zones, 1);
	ck_assert_ptr_nonnull(old);
	ck_assert_ptr_nonnull(same);
	ck_assert_uint_eq(answer_db_zones(same->db), answer_db_zones(old->db));
	ck_assert_ptr_null(overlay_view(3, old, &damaged, 1, zones, 1));
	view_free(old);
	r->view = same; /* stands on its own */
	ck_assert_int_eq(answer("static.example.test"), -1);
	ck_assert_ptr_nonnull(strstr(kit.text, " A 192.0.2.1"));
	ck_assert_int_eq(answer(WWW), 0); /* live names of a new view wait for their answers */
	close(damaged);
	teardown();
}
END_TEST

/* Of all workers and of all views before, zone by zone; a zone that is new begins with nothing. */
START_TEST(counted_questions_go_from_view_to_view)
{
	setup();
	int none = sealed("", 0);
	struct view *v[4];
	for (uint64_t i = 0; i < 4; i++) {
		v[i] = overlay_view(i + 1, NULL, images, 1, i == 2 ? none : zones, 2);
		ck_assert_ptr_nonnull(v[i]);
	}
	for (uint64_t i = 0; i < 3; i++)
		v[0]->by_zone[i][1] = 10 * (i + 1);
	figures_carry(v[1], v[0]);
	ck_assert_uint_eq(v[1]->by_zone_before[1], 60);
	v[1]->by_zone[0][1] = 5;
	figures_carry(v[3], v[1]);
	ck_assert_uint_eq(v[3]->by_zone_before[1], 65);
	figures_carry(v[2], v[3]); /* serves nothing */
	v[3]->by_zone_before[1] = 0;
	figures_carry(v[3], v[2]);
	ck_assert_uint_eq(v[3]->by_zone_before[1], 0);
	for (size_t i = 0; i < 4; i++)
		view_free(v[i]);
	close(none);
	teardown();
}
END_TEST

START_TEST(an_empty_list_of_zones_serves_none)
{
	setup();
	int none = sealed("", 0);
	r->view = overlay_view(1, NULL, images, 1, none, 1);
	ck_assert_ptr_nonnull(r->view);
	ck_assert_uint_eq(answer_db_zones(r->view->db), 0);
	ck_assert_int_eq(answer("static.example.test"), -1);
	ck_assert_int_eq(strncmp(kit.text, "REFUSED", 7), 0);
	close(none);
	teardown();
}
END_TEST

/* ---- a reader ---- */

static struct { bool online, has_seen; } reader;

/* Takes the old view as a worker does, waits until the new one is published, and only then reads. */
static void *read_late(void *ctx)
{
	(void)ctx;
	struct answer_worker w = { .rng = { 1, 1 } };
	struct answer_limits lim = { .udp_edns_max = DNS_UDP_EDNS_MAX };
	struct answer_from from = { .transport = ANSWER_UDP };
	uint8_t question[512], out[4096];
	size_t len = kit_question(WWW " A", question, &from), out_len;
	rcu_register_thread();
	const struct view *v = rcu_dereference(r->view);
	__atomic_store_n(&reader.online, true, __ATOMIC_RELEASE);
	while (rcu_dereference(r->view) == v)
		;
	w.turn = v->turn[0];
	enum answer_outcome o = answer_query(v->db, &w, &lim, &from, question, len, out, sizeof out, &out_len);
	__atomic_store_n(&reader.has_seen, o == ANSWER_SEND, __ATOMIC_RELEASE);
	rcu_unregister_thread();
	return NULL;
}

START_TEST(what_a_reader_holds_is_not_freed)
{
	pthread_t t;
	setup();
	serve_generation(5);
	ck_assert_int_eq(pthread_create(&t, NULL, read_late, NULL), 0);
	while (!__atomic_load_n(&reader.online, __ATOMIC_ACQUIRE))
		;
	r->waiting = view(6);
	begin(6, 2, IPC_BEGIN_WHOLE);
	set(WWW, 16);
	commit(6, 2); /* returns when the reader has let go, not before */
	ck_assert(__atomic_load_n(&reader.has_seen, __ATOMIC_ACQUIRE));
	pthread_join(t, NULL);
	ck_assert_int_eq(answer(WWW), 16);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_log_brings_a_new_responder_up_to_date,
				 what_a_new_coordinator_adds_stands_above_the_old_log, a_log_of_another_generation_is_no_answer,
				 a_torn_log_is_read_up_to_the_tear, a_log_shortened_under_the_reader_is_refused,
				 a_log_is_due_by_the_size_of_its_state, only_whole_sealed_images_are_taken,
				 images_of_the_old_view_are_taken_as_they_are, counted_questions_go_from_view_to_view, an_empty_list_of_zones_serves_none,
				 what_a_reader_holds_is_not_freed };
	return unit_run("overlay_log", tests, sizeof tests / sizeof *tests);
}
