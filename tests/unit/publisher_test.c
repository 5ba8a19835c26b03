/* From PUBLISH effects to messages: what stands in a transaction, which number is acknowledged, what the supervisor keeps, and a
 * responder that is away or does not read. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "answer/answer.h"
#include "app/publisher.h"
#include "dns/const.h"
#include "dns/name.h"
#include "ipc/ipc.h"
#include "tests/unit/unit.h"

static struct event_base *base;
static struct chan *ends[4]; /* ours and theirs, of the responder's and the supervisor's channel */
static struct publisher p;
static char story[4096]; /* what the responder got: "begin 5/1 how=1 | set A 127.0.0.1 | commit 5/1" */
static unsigned sets;
static int log_fd = -1;
static unsigned logs, adding; /* logs: whole ones */

static void tell(const char *fmt, unsigned long long a, unsigned long long b)
{
	size_t at = strlen(story);
	if (at + 80 < sizeof story)
		snprintf(story + at, sizeof story - at, fmt, a, b);
}

static void take(const uint8_t *data, size_t len)
{
	struct rbuf m;
	struct ipc_set s;
	struct ipc_set_member members[ANSWER_MEMBERS_MAX];
	rbuf_init(&m, data, len);
	switch (ipc_type_get(&m)) {
	case IPC_BEGIN: {
		uint64_t generation = get_u64(&m), seq = get_u64(&m);
		tell("begin %llu/%llu", generation, seq);
		tell(" how=%llu\n", get_u8(&m), 0);
		break;
	}
	case IPC_SET:
		ipc_set_get(&m, &s, members, ANSWER_MEMBERS_MAX);
		sets++;
		tell("set type=%llu count=%llu\n", s.type, s.count);
		break;
	case IPC_WITHDRAW:
		get_u16(&m);
		tell("withdraw type=%llu\n", get_u16(&m), 0);
		break;
	case IPC_COMMIT: {
		uint64_t generation = get_u64(&m), seq = get_u64(&m);
		tell("commit %llu/%llu\n", generation, seq);
		break;
	}
	default:
		ck_abort_msg("a message that is none of a transaction's");
	}
	ck_assert(!m.failed);
}

static void on_responder(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx;
	chan_close_fds(fds, fd_count);
	take(data, len);
}

static void on_supervisor(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	ck_assert_int_eq(ipc_type_get(&m), IPC_OVERLAY);
	ck_assert_uint_eq(fd_count, 1);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = fds[0];
	if (get_u8(&m))
		adding++;
	else
		logs++;
	ck_assert(!m.failed);
}

static void on_end(void *ctx)
{
	(void)ctx;
}

static void turn(void)
{
	for (int i = 0; i < 64; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void setup(void)
{
	int pair[2];
	base = event_base_new();
	ck_assert_int_eq(chan_pair(pair), 0);
	ends[0] = chan_new(base, pair[0], on_responder, on_end, NULL);
	ends[1] = chan_new(base, pair[1], on_responder, on_end, NULL);
	ck_assert_int_eq(chan_pair(pair), 0);
	ends[2] = chan_new(base, pair[0], on_supervisor, on_end, NULL);
	ends[3] = chan_new(base, pair[1], on_supervisor, on_end, NULL);
	publisher_init(&p, ends[2]);
	p.responder = ends[0];
	p.generation = 5;
}

static void teardown(void)
{
	publisher_deinit(&p);
	for (size_t i = 0; i < 4; i++)
		chan_free(ends[i]);
	event_base_free(base);
	if (log_fd >= 0)
		close(log_fd);
}

static void publish(const char *name, uint16_t type, unsigned count)
{
	static struct addr addrs[ANSWER_MEMBERS_MAX + 1];
	uint8_t owner[NAME_WIRE_MAX];
	ck_assert_int_gt(name_parse(owner, name, strlen(name), NULL, true), 0);
	struct plan_service s = { .name = name, .owner = owner };
	struct core_publish set = { .type = type, .ready = count > 0, .ttl_s = 10, .pick = ANSWER_PICK_ROTATE, .count = (uint16_t)count,
				    .addrs = addrs };
	for (unsigned i = 0; i < count && i <= ANSWER_MEMBERS_MAX; i++)
		addrs[i] = (struct addr){ .family = 4, .ip = { 127, 0, (uint8_t)(i >> 8), (uint8_t)i } };
	publisher_set(&p, &s, &set);
}

static const char *told(void)
{
	static char copy[sizeof story];
	turn();
	strcpy(copy, story);
	story[0] = 0;
	return copy;
}

START_TEST(a_step_is_one_transaction)
{
	setup();
	publisher_begin(&p, false);
	publish("www.example.test", DNS_TYPE_A, 2);
	publisher_begin(&p, false); /* each PUBLISH begins; the first counts */
	publish("www.example.test", DNS_TYPE_AAAA, 0);
	ck_assert_uint_eq(publisher_commit(&p), 1);
	ck_assert_str_eq(told(), "begin 5/1 how=0\nset type=1 count=2\nwithdraw type=28\ncommit 5/1\n");
	ck_assert_uint_eq(publisher_commit(&p), 1); /* a step without a publish */
	ck_assert_str_eq(told(), "");
	teardown();
}
END_TEST

START_TEST(acknowledgements_are_cumulative_and_of_this_generation)
{
	static const struct { uint64_t generation, seq, acked; } table[] = {
		{ 5, 1, 1 }, { 4, 3, 1 }, { 5, 9, 1 }, { 5, 3, 3 }, { 5, 2, 3 }, { 6, 3, 3 },
	};
	setup();
	for (int i = 0; i < 3; i++) {
		publisher_begin(&p, false);
		publisher_commit(&p);
	}
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		publisher_ack(&p, table[i].generation, table[i].seq);
		ck_assert_uint_eq(p.acked, table[i].acked);
	}
	teardown();
}
END_TEST

/* ---- the log ---- */

static size_t messages_in_log(void)
{
	static uint8_t data[1 << 20];
	size_t pos = 0, n, count = 0;
	const uint8_t *m;
	ssize_t len = pread(log_fd, data, sizeof data, 0);
	while (len > 0 && overlay_log_next(data, (size_t)len, &pos, &m, &n))
		count++;
	return count;
}

START_TEST(the_supervisor_gets_a_log_when_it_is_whole)
{
	setup();
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 2);
	turn();
	ck_assert_uint_eq(logs, 0);
	publisher_commit(&p);
	turn();
	ck_assert_uint_eq(logs, 1);
	ck_assert_uint_eq(messages_in_log(), 3);
	publisher_begin(&p, false); /* what follows is added to it, and shows when it is whole */
	publish("www.example.test", DNS_TYPE_A, 1);
	ck_assert_uint_eq(messages_in_log(), 3);
	publisher_commit(&p);
	ck_assert_uint_eq(messages_in_log(), 6);
	turn();
	ck_assert_uint_eq(logs, 1);
	publisher_begin(&p, true); /* half of a new one must not take the place of the old */
	publish("www.example.test", DNS_TYPE_A, 1);
	turn();
	ck_assert_uint_eq(logs, 1);
	ck_assert_uint_eq(messages_in_log(), 6);
	publisher_commit(&p);
	turn();
	ck_assert_uint_eq(logs, 2);
	ck_assert_uint_eq(messages_in_log(), 3);
	teardown();
}
END_TEST

/* What the last coordinator published is not known to a new one: its log only adds until the first round is over. */
START_TEST(a_log_adds_to_the_old_one_in_the_first_round)
{
	setup();
	p.first_round = true;
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 2);
	publish("new.example.test", DNS_TYPE_A, 0); /* not known yet: what is answered stays */
	publisher_commit(&p);
	ck_assert_str_eq(told(), "begin 5/1 how=2\nset type=1 count=2\ncommit 5/1\n");
	ck_assert_uint_eq(logs, 0);
	ck_assert_uint_eq(adding, 1);
	ck_assert(!publisher_wants_snapshot(&p));
	p.first_round = false;
	ck_assert(publisher_wants_snapshot(&p));
	publisher_begin(&p, true);
	publish("new.example.test", DNS_TYPE_A, 0);
	publisher_commit(&p);
	ck_assert_str_eq(told(), "begin 5/2 how=1\nwithdraw type=1\ncommit 5/2\n");
	ck_assert_uint_eq(logs, 1);
	ck_assert_uint_eq(adding, 1);
	ck_assert(!publisher_wants_snapshot(&p));
	teardown();
}
END_TEST

START_TEST(a_large_state_is_not_due_at_once)
{
	char name[64];
	setup();
	p.responder = NULL;
	publisher_begin(&p, true);
	for (unsigned i = 0; i < 3000; i++) { /* 3000 × 200 × 6 octets: 3.6 MB */
		snprintf(name, sizeof name, "s%u.example.test", i);
		publish(name, DNS_TYPE_A, 200);
	}
	publisher_commit(&p);
	ck_assert(!publisher_wants_snapshot(&p));
	publisher_begin(&p, false);
	publish("www.example.test", DNS_TYPE_A, 1);
	publisher_commit(&p);
	ck_assert(!publisher_wants_snapshot(&p));
	teardown();
}
END_TEST

START_TEST(a_log_that_cannot_be_written_is_given_up)
{
	setup();
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 1);
	p.log.failed = true; /* no memory left */
	publisher_commit(&p);
	turn();
	ck_assert_uint_eq(logs, 0);
	ck_assert(!publisher_wants_snapshot(&p)); /* not again at every step */
	ck_assert_str_eq(told(), "begin 5/1 how=1\nset type=1 count=1\ncommit 5/1\n"); /* the responder is told all the same */
	publisher_begin(&p, true);
	publisher_commit(&p);
	turn();
	ck_assert_uint_eq(logs, 1);
	publisher_begin(&p, false);
	p.log.failed = true; /* later, in a part: a new whole one is worth a try */
	publisher_commit(&p);
	ck_assert(publisher_wants_snapshot(&p));
	teardown();
}
END_TEST

/* ---- a responder that is away, or does not read ---- */

START_TEST(without_a_responder_the_log_goes_on)
{
	setup();
	p.responder = NULL;
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 1);
	ck_assert_uint_eq(publisher_commit(&p), 1);
	turn();
	ck_assert_uint_eq(logs, 1);
	ck_assert_uint_eq(messages_in_log(), 3);
	ck_assert(!publisher_wants_snapshot(&p));
	teardown();
}
END_TEST

START_TEST(one_that_falls_behind_gets_everything_later)
{
	setup();
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 1);
	publisher_commit(&p);
	for (int i = 0; i < 60000 && !p.behind; i++) { /* 64 MB and nobody reads */
		publisher_begin(&p, false);
		publish("www.example.test", DNS_TYPE_A, ANSWER_MEMBERS_MAX);
		publisher_commit(&p);
	}
	ck_assert(p.behind);
	ck_assert_ptr_nonnull(p.responder);
	size_t queued = chan_queued(ends[0]);
	publisher_begin(&p, false);
	publish("www.example.test", DNS_TYPE_A, 1);
	publisher_commit(&p);
	ck_assert_uint_eq(chan_queued(ends[0]), queued); /* nothing out of a transaction's middle */
	publisher_begin(&p, true); /* too early for a whole one as well: it would fall behind again */
	publisher_commit(&p);
	ck_assert_uint_eq(chan_queued(ends[0]), queued);
	while (chan_queued(ends[0]))
		turn();
	ck_assert(publisher_wants_snapshot(&p));
	turn();
	story[0] = 0;
	publisher_begin(&p, true);
	publish("www.example.test", DNS_TYPE_A, 3);
	uint64_t seq = publisher_commit(&p);
	char expected[200];
	snprintf(expected, sizeof expected, "begin 5/%llu how=1\nset type=1 count=3\ncommit 5/%llu\n", (unsigned long long)seq,
		 (unsigned long long)seq);
	ck_assert_str_eq(told(), expected);
	ck_assert(!publisher_wants_snapshot(&p));
	teardown();
}
END_TEST

START_TEST(more_members_than_an_answer_holds_are_cut)
{
	setup();
	publisher_begin(&p, false);
	publish("www.example.test", DNS_TYPE_A, ANSWER_MEMBERS_MAX + 1);
	publisher_commit(&p);
	ck_assert_str_eq(told(), "begin 5/1 how=0\nset type=1 count=256\ncommit 5/1\n");
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_step_is_one_transaction, acknowledgements_are_cumulative_and_of_this_generation,
				 the_supervisor_gets_a_log_when_it_is_whole, a_log_adds_to_the_old_one_in_the_first_round,
				 a_large_state_is_not_due_at_once,
				 a_log_that_cannot_be_written_is_given_up, without_a_responder_the_log_goes_on,
				 one_that_falls_behind_gets_everything_later, more_members_than_an_answer_holds_are_cut };
	return unit_run("publisher", tests, sizeof tests / sizeof *tests);
}
