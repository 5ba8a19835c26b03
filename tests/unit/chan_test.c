/* Channels between processes: whole messages in order, descriptors that neither leak nor overflow, ends that are told once. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/chan.h"
#include "ipc/ipc.h"
#include "tests/unit/unit.h"

struct end {
	struct chan *chan;
	unsigned messages, ends, fds;
	size_t last_len;
	uint32_t last_number;
	bool free_in_message, pause_in_message;
};

static struct event_base *base;

static unsigned open_files(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void on_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct end *e = ctx;
	uint32_t number = 0;
	e->messages++;
	e->fds += (unsigned)fd_count;
	e->last_len = len;
	memcpy(&number, data, len < sizeof number ? len : sizeof number);
	if (len >= sizeof number) {
		ck_assert_msg(number == e->last_number + 1, "message %u after %u", number, e->last_number);
		e->last_number = number;
	}
	chan_close_fds(fds, fd_count);
	if (e->pause_in_message)
		chan_pause(e->chan, true);
	if (e->free_in_message) {
		chan_free(e->chan);
		e->chan = NULL;
	}
}

static void on_end(void *ctx)
{
	struct end *e = ctx;
	e->ends++;
	chan_free(e->chan);
	e->chan = NULL;
}

static void setup(struct end *a, struct end *b)
{
	int pair[2];
	base = event_base_new();
	memset(a, 0, sizeof *a);
	memset(b, 0, sizeof *b);
	ck_assert_int_eq(chan_pair(pair), 0);
	a->chan = chan_new(base, pair[0], on_message, on_end, a);
	b->chan = chan_new(base, pair[1], on_message, on_end, b);
	ck_assert(a->chan && b->chan);
}

static void teardown(struct end *a, struct end *b)
{
	chan_free(a->chan);
	chan_free(b->chan);
	event_base_free(base);
}

static void turn(void)
{
	for (int i = 0; i < 64; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int send_number(struct chan *c, uint32_t number, size_t len, const int *fds, size_t fd_count)
{
	static uint8_t data[IPC_MESSAGE_MAX];
	memcpy(data, &number, sizeof number);
	return chan_send(c, data, len, fds, fd_count);
}

START_TEST(messages_arrive_whole_and_in_order)
{
	static const size_t lens[] = { 4, 5, 1000, 65535, IPC_MESSAGE_MAX };
	struct end a, b;
	setup(&a, &b);
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_int_eq(send_number(a.chan, i + 1, lens[i], NULL, 0), 0);
		turn();
		ck_assert_uint_eq(b.messages, i + 1);
		ck_assert_uint_eq(b.last_len, lens[i]);
	}
	teardown(&a, &b);
}
END_TEST

/* Far more than the socket holds: the rest waits in the queue, with its descriptors, and keeps its order. */
START_TEST(what_does_not_fit_waits)
{
	struct end a, b;
	unsigned files = open_files();
	setup(&a, &b);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (uint32_t i = 1; i <= 600; i++)
		ck_assert_int_eq(send_number(a.chan, i, 30000, &null, 1), 0);
	ck_assert_uint_gt(chan_queued(a.chan), 0);
	turn();
	ck_assert_uint_eq(b.messages, 600);
	ck_assert_uint_eq(b.fds, 600);
	ck_assert_uint_eq(chan_queued(a.chan), 0);
	close(null);
	teardown(&a, &b);
	ck_assert_uint_eq(open_files(), files);
}
END_TEST

START_TEST(queued_descriptors_are_closed_with_the_channel)
{
	struct end a, b;
	unsigned files = open_files();
	setup(&a, &b);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (uint32_t i = 1; i <= 600; i++)
		ck_assert_int_eq(send_number(a.chan, i, 30000, &null, 1), 0);
	close(null);
	teardown(&a, &b);
	ck_assert_uint_eq(open_files(), files);
}
END_TEST

START_TEST(the_queue_has_an_end)
{
	struct end a, b;
	setup(&a, &b);
	int e = 0;
	uint32_t sent = 0;
	while (sent < 2000 && (e = send_number(a.chan, sent + 1, IPC_MESSAGE_MAX, NULL, 0)) == 0)
		sent++;
	ck_assert_int_eq(e, ERR_LIMIT);
	ck_assert_uint_le(chan_queued(a.chan), CHAN_QUEUE_MAX);
	turn(); /* and what was taken still arrives */
	ck_assert_uint_eq(b.messages, sent);
	ck_assert_int_eq(send_number(a.chan, sent + 1, 4, NULL, 0), 0);
	teardown(&a, &b);
}
END_TEST

START_TEST(empty_and_oversize_messages_are_not_sent)
{
	static uint8_t large[IPC_MESSAGE_MAX + 1];
	int fds[IPC_FDS_MAX + 1] = { 0 };
	struct end a, b;
	setup(&a, &b);
	ck_assert_int_eq(chan_send(a.chan, large, 0, NULL, 0), ERR_LIMIT);
	ck_assert_int_eq(chan_send(a.chan, large, sizeof large, NULL, 0), ERR_LIMIT);
	ck_assert_int_eq(chan_send(a.chan, large, 8, fds, IPC_FDS_MAX + 1), ERR_LIMIT);
	turn();
	ck_assert_uint_eq(b.messages + b.ends, 0);
	teardown(&a, &b);
}
END_TEST

START_TEST(an_end_is_told_once)
{
	struct end a, b;
	setup(&a, &b);
	ck_assert_int_eq(send_number(a.chan, 1, 8, NULL, 0), 0);
	chan_free(a.chan);
	a.chan = NULL;
	turn();
	ck_assert_uint_eq(b.messages, 1); /* what was said before still counts */
	ck_assert_uint_eq(b.ends, 1);
	ck_assert_ptr_null(b.chan);
	teardown(&a, &b);
}
END_TEST

START_TEST(a_dead_peer_is_an_error_of_the_sender)
{
	struct end a, b;
	setup(&a, &b);
	chan_free(b.chan);
	b.chan = NULL;
	ck_assert_int_eq(send_number(a.chan, 1, 8, NULL, 0), ERR_IO);
	turn();
	ck_assert_uint_eq(a.ends, 1);
	teardown(&a, &b);
}
END_TEST

START_TEST(it_may_be_freed_in_its_own_message)
{
	struct end a, b;
	unsigned files = open_files();
	setup(&a, &b);
	b.free_in_message = true;
	for (uint32_t i = 1; i <= 3; i++)
		ck_assert_int_eq(send_number(a.chan, i, 8, NULL, 0), 0);
	turn();
	ck_assert_uint_eq(b.messages, 1);
	ck_assert_uint_eq(b.ends, 0);
	teardown(&a, &b);
	ck_assert_uint_eq(open_files(), files);
}
END_TEST

START_TEST(a_pause_stops_at_the_message)
{
	struct end a, b;
	setup(&a, &b);
	b.pause_in_message = true;
	for (uint32_t i = 1; i <= 3; i++)
		ck_assert_int_eq(send_number(a.chan, i, 8, NULL, 0), 0);
	for (unsigned seen = 1; seen <= 3; seen++) {
		turn();
		ck_assert_uint_eq(b.messages, seen);
		chan_pause(b.chan, false);
	}
	teardown(&a, &b);
}
END_TEST

/* ---- a hostile other end: raw sendmsg ---- */

static void raw_send(int fd, size_t len, const int *fds, size_t fd_count)
{
	static uint8_t data[2 * IPC_MESSAGE_MAX];
	union { struct cmsghdr align; uint8_t room[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))]; } ctl = { 0 };
	struct iovec iov = { data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd_count) {
		m.msg_control = &ctl;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)len);
}

static void hostile(size_t len, size_t fd_count, unsigned messages, unsigned ends)
{
	struct end b = { 0 };
	int pair[2], fds[IPC_FDS_MAX];
	unsigned files = open_files();
	base = event_base_new();
	ck_assert_int_eq(chan_pair(pair), 0);
	b.chan = chan_new(base, pair[1], on_message, on_end, &b);
	for (size_t i = 0; i < fd_count; i++)
		fds[i] = STDIN_FILENO;
	b.last_number = UINT32_MAX; /* the raw messages are zeros */
	raw_send(pair[0], len, fds, fd_count);
	turn();
	ck_assert_uint_eq(b.messages, messages);
	ck_assert_uint_eq(b.ends, ends);
	close(pair[0]);
	chan_free(b.chan);
	event_base_free(base);
	ck_assert_msg(open_files() == files, "%u files open, %u before", open_files(), files);
}

START_TEST(a_cut_message_ends_the_channel)
{
	hostile(IPC_MESSAGE_MAX, 0, 1, 0);
	hostile(IPC_MESSAGE_MAX + 1, 0, 0, 1);
	hostile(IPC_MESSAGE_MAX + 1, 3, 0, 1);
}
END_TEST

START_TEST(an_empty_message_leaks_no_descriptor)
{
	hostile(0, 2, 0, 1);
	hostile(4, IPC_FDS_MAX, 1, 0);
}
END_TEST

/* The kernel would put a second descriptor into the padding behind a room of one. */
START_TEST(more_descriptors_than_room_are_refused)
{
	unsigned files = open_files();
	for (size_t room = 0; room <= 5; room++)
		for (size_t sent = 0; sent <= 8; sent++) {
			int pair[2], fds[8] = { 0 };
			struct { int got[5], guard; } at = { .guard = 4711 };
			uint8_t data[64];
			size_t len, count = room;
			ck_assert_int_eq(chan_pair(pair), 0);
			raw_send(pair[0], 5, fds, sent);
			int e = chan_recv_now(pair[1], data, sizeof data, &len, at.got, &count);
			ck_assert_int_eq(at.guard, 4711);
			ck_assert_int_eq(e, sent > room ? ERR_LIMIT : 0);
			ck_assert_uint_eq(count, sent > room ? 0 : sent);
			chan_close_fds(at.got, count);
			close(pair[0]);
			close(pair[1]);
			ck_assert_uint_eq(open_files(), files);
		}
}
END_TEST

START_TEST(the_blocking_form_tells_ends_and_sizes)
{
	int pair[2];
	uint8_t data[16];
	size_t len, count = 0;
	ck_assert_int_eq(chan_pair(pair), 0);
	ck_assert_int_eq(chan_send_now(pair[0], "0123456789", 10, NULL, 0), 0);
	ck_assert_int_eq(chan_recv_now(pair[1], data, sizeof data, &len, NULL, &count), 0);
	ck_assert_uint_eq(len, 10);
	raw_send(pair[0], 17, NULL, 0);
	ck_assert_int_eq(chan_recv_now(pair[1], data, sizeof data, &len, NULL, &count), ERR_LIMIT);
	close(pair[0]);
	ck_assert_int_eq(chan_recv_now(pair[1], data, sizeof data, &len, NULL, &count), ERR_ABSENT);
	ck_assert_int_eq(chan_send_now(pair[1], data, 4, NULL, 0), ERR_IO);
	close(pair[1]);
}
END_TEST

START_TEST(channels_do_not_survive_exec)
{
	int pair[2], got[1];
	uint8_t data[16];
	size_t len, count = 1;
	ck_assert_int_eq(chan_pair(pair), 0);
	int null = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(chan_send_now(pair[0], "x", 1, &null, 1), 0);
	ck_assert_int_eq(chan_recv_now(pair[1], data, sizeof data, &len, got, &count), 0);
	ck_assert_int_eq(fcntl(pair[0], F_GETFD) & fcntl(pair[1], F_GETFD) & fcntl(got[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { messages_arrive_whole_and_in_order, what_does_not_fit_waits,
				 queued_descriptors_are_closed_with_the_channel, the_queue_has_an_end,
				 empty_and_oversize_messages_are_not_sent, an_end_is_told_once, a_dead_peer_is_an_error_of_the_sender,
				 it_may_be_freed_in_its_own_message, a_pause_stops_at_the_message, a_cut_message_ends_the_channel,
				 an_empty_message_leaks_no_descriptor, more_descriptors_than_room_are_refused,
				 the_blocking_form_tells_ends_and_sizes, channels_do_not_survive_exec };
	return unit_run("chan", tests, sizeof tests / sizeof *tests);
}
