/* The overlay in the responder: transactions into a view built from a real image, whole and partial, early, stale and refused;
 * the log that brings them back; and a reader who holds on while they change. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu-qsbr.h>
#include "app/overlay_log.h"
#include "app/responder_state.h"
#include "io/memfd.h"
#include "ipc/ipc.h"
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

static const struct kit_zone zone = { "example.test.", "@ 60 SOA ns1 h 1 3600 600 86400 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n"
				      "static 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nshop 60 A 192.0.2.3\n",
				      "www.example.test. shop.example.test." };
static struct responder *r;
static struct kit kit;
static int images[1], zones;

static int sealed(const void *data, size_t len)
{
	int fd = memfd_sealed("test", data, len);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void setup(void)
{
	const struct answer_zone_ref ref = { 0, 0 };
	struct image_builder *builder;
	const uint8_t *data;
	size_t len;
	r = calloc(1, sizeof *r);
	diags_init(&kit.diags);
	ck_assert_int_eq(image_builder_new(&builder, &kit_key), 0);
	kit_add_zone(builder, &zone, &kit.diags);
	ck_assert_int_eq(image_finish(builder, &data, &len), 0);
	images[0] = sealed(data, len);
	zones = sealed(&ref, sizeof ref);
	image_builder_free(builder);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	kit.worker.rng[0] = 1;
}

static struct view *view(uint64_t generation)
{
	struct view *v = view_new(generation, images, 1, zones, 1);
	ck_assert_ptr_nonnull(v);
	return v;
}

static void teardown(void)
{
	view_free(r->view);
	view_free(r->waiting);
	for (size_t i = 0; i < r->overlay.count; i++)
		answer_live_free(r->overlay.changes[i].live);
	free(r->overlay.changes);
	free(r);
	close(images[0]);
	close(zones);
	diags_deinit(&kit.diags);
}

/* ---- transactions, as the publisher sends them ---- */

static struct overlay_log record = { .fd = -1 }; /* where everything said is written as well */
static bool wait;

static void say(const struct wbuf *w)
{
	ck_assert(!w->failed);
	overlay_log_add(&record, w->data, w->len);
	bool now = false;
	ck_assert(overlay_message(r, w->data, w->len, &now));
	wait |= now;
}

#define MESSAGE(type)                            \
	uint8_t room[2048];                      \
	struct wbuf w;                           \
	wbuf_init(&w, room, sizeof room);        \
	ipc_begin(&w, type)

static void begin(uint64_t generation, uint64_t seq, bool whole)
{
	MESSAGE(IPC_BEGIN);
	put_u64(&w, generation);
	put_u64(&w, seq);
	put_u8(&w, whole);
	wait = false;
	say(&w);
}

static size_t owner_of(uint8_t out[NAME_WIRE_MAX], const char *name)
{
	int n = name_parse(out, name, strlen(name), NULL, true);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static void set(const char *owner, uint8_t last_octet)
{
	struct ipc_set_member m = { .ip = { 127, 0, 0, last_octet }, .weight = 1 };
	struct ipc_set s = { .class = DNS_CLASS_IN, .type = DNS_TYPE_A, .ttl_s = 10, .pick = ANSWER_PICK_ROTATE, .count = 1, .members = &m };
	s.owner_len = (uint8_t)owner_of(s.owner, owner);
	uint8_t room[2048];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_set_put(&w, &s);
	say(&w);
}

static void withdraw(const char *owner)
{
	uint8_t name[NAME_WIRE_MAX];
	size_t len = owner_of(name, owner);
	MESSAGE(IPC_WITHDRAW);
	put_u16(&w, DNS_CLASS_IN);
	put_u16(&w, DNS_TYPE_A);
	put_block(&w, name, len);
	say(&w);
}

static void commit(uint64_t generation, uint64_t seq)
{
	MESSAGE(IPC_COMMIT);
	put_u64(&w, generation);
	put_u64(&w, seq);
	say(&w);
	overlay_log_commit(&record, false);
}

/* "127.0.0.n" as n; 0 for SERVFAIL: not ready; -1 for anything else. */
static int answer(const char *owner)
{
	char question[300];
	kit.db = r->view->db;
	kit.worker.turn = r->view->turn[0];
	snprintf(question, sizeof question, "%s A", owner);
	const char *text = kit_ask(&kit, question), *at = strstr(text, " A 127.0.0.");
	return at ? atoi(at + 11) : strncmp(text, "SERVFAIL", 8) == 0 ? 0 : -1;
}

#define WWW "www.example.test"
#define SHOP "shop.example.test"

/* ---- tests ---- */

START_TEST(a_new_view_waits_for_everything)
{
	setup();
	r->waiting = view(5);
	begin(5, 1, false); /* a part: of what the last responder was told */
	set(WWW, 11);
	commit(5, 1);
	ck_assert_ptr_null(r->view);
	begin(5, 2, true);
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

static void serve_generation(uint64_t generation)
{
	r->waiting = view(generation);
	begin(generation, 1, true);
	set(WWW, 11);
	set(SHOP, 21);
	commit(generation, 1);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
}

START_TEST(nothing_shows_before_commit)
{
	setup();
	serve_generation(5);
	begin(5, 2, false);
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
	begin(5, 2, false);
	set(WWW, 12);
	commit(5, 2);
	ck_assert_int_eq(answer(SHOP), 21);
	begin(5, 3, true);
	set(WWW, 13);
	commit(5, 3);
	ck_assert_int_eq(answer(WWW), 13);
	ck_assert_int_eq(answer(SHOP), 0);
	teardown();
}
END_TEST

START_TEST(one_slot_twice_is_the_last_of_them)
{
	setup();
	serve_generation(5);
	begin(5, 2, true);
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
	begin(5, 2, false);
	set(WWW, 12);
	begin(5, 3, false); /* another coordinator: the first died in the middle */
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
	begin(5, 2, false);
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
	begin(6, 2, true);
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
	begin(5, 9, true);
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
	begin(5, 2, false);
	ck_assert(!wait);
	set(WWW, 12);
	commit(5, 2);
	ck_assert_uint_eq(r->view->generation, 5);
	ck_assert_int_eq(answer(WWW), 12);
	begin(6, 3, true);
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
	begin(6, 2, true);
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
	begin(6, 2, true);
	ck_assert(!wait);
	set(WWW, 16);
	commit(6, 2);
	ck_assert_uint_eq(r->view->generation, 5);
	ck_assert_int_eq(answer(WWW), 16);
	ck_assert_int_eq(answer(SHOP), 21); /* of which the new configuration says nothing */
	begin(7, 3, true);
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
			begin(5, 2, false);
			for (size_t i = 4; i < len; i++)
				data[i] = (uint8_t)(i * 37 + len);
			store_u16(data, (uint16_t)type);
			overlay_message(r, data, len, &now);
			if (type == IPC_COMMIT)
				break; /* that one is right whatever follows its head */
		}
	begin(5, 3, false);
	commit(5, 3);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
	teardown();
}
END_TEST

/* ---- the log ---- */

START_TEST(the_log_brings_a_new_responder_up_to_date)
{
	setup();
	ck_assert_int_eq(overlay_log_start(&record), 0);
	serve_generation(5);
	begin(5, 2, false);
	set(WWW, 12);
	commit(5, 2);
	begin(5, 3, false);
	set(WWW, 13); /* the coordinator died here */
	view_free(r->view);
	r->view = NULL;
	r->waiting = view(5);
	overlay_replay(r, record.fd);
	ck_assert_ptr_nonnull(r->view);
	ck_assert_int_eq(answer(WWW), 12);
	ck_assert_int_eq(answer(SHOP), 21);
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
		overlay_replay(r, record.fd);
		ck_assert_ptr_null(r->view);
		begin(5, 9, true); /* and what then comes is taken */
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
		overlay_replay(r, fd);
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
	ck_assert_ptr_null(view_new(1, &loose, 1, zones, 1));
	ck_assert_ptr_null(view_new(1, &cut, 1, zones, 1));
	ck_assert_ptr_null(view_new(1, &junk, 1, zones, 1)); /* refused as ERR_FORMAT, which an empty list of zones is, too */
	ck_assert_ptr_null(view_new(1, two, 2, zones, 1));
	ck_assert_ptr_null(view_new(1, images, 1, odd, 1));
	ck_assert_ptr_null(view_new(1, images, 1, -1, 1));
	struct answer_zone_ref beyond = { 1, 0 };
	int stranger = sealed(&beyond, sizeof beyond);
	ck_assert_ptr_null(view_new(1, images, 1, stranger, 1));
	close(loose);
	close(cut);
	close(junk);
	close(odd);
	close(stranger);
	teardown();
}
END_TEST

START_TEST(an_empty_list_of_zones_serves_none)
{
	setup();
	int none = sealed("", 0);
	r->view = view_new(1, images, 1, none, 1);
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
	begin(6, 2, true);
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
	const TTest *tests[] = { a_new_view_waits_for_everything, nothing_shows_before_commit,
				 a_part_leaves_the_rest_and_a_whole_withdraws_it, one_slot_twice_is_the_last_of_them,
				 a_transaction_broken_off_is_dropped, names_and_types_that_are_not_live_are_passed_over,
				 an_unknown_generation_waits, a_stale_generation_is_ignored,
				 the_old_generation_lives_until_the_new_one_is_whole, an_overtaken_transaction_touches_no_view,
				 a_refused_generation_moves_the_answers_of_the_old_one, nonsense_changes_nothing,
				 the_log_brings_a_new_responder_up_to_date, a_log_of_another_generation_is_no_answer,
				 a_torn_log_is_read_up_to_the_tear, a_log_shortened_under_the_reader_is_refused,
				 a_log_is_due_by_the_size_of_its_state, only_whole_sealed_images_are_taken,
				 an_empty_list_of_zones_serves_none, what_a_reader_holds_is_not_freed };
	return unit_run("overlay", tests, sizeof tests / sizeof *tests);
}
