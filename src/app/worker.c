/* The UDP workers: read a batch, answer it, send a batch.  No malloc, lock or log on this path. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>
#include <urcu-qsbr.h>
#include "app/responder_state.h"
#include "app/tap_fill.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define BATCH 64        /* datagrams a system call; larger gains nothing, measured on bare sockets */
#define IDLE_MS 500     /* an idle worker still shows that it is alive */
#define TURNS_A_SOCKET 8 /* batches from one socket before the next gets its turn */
#define TIMED_EVERY 64  /* turns: two readings of the clock for each batch would cost a quiet server 50 ns a query */

struct turn { /* what the queries of one batch have in common */
	int fd;
	const struct view *view;
	struct rate *rate; /* NULL = off */
	uint64_t now_ms;   /* only where rate is not NULL */
};

/* What every packet touches lies close together: buffers a page apart would all fall into the same few cache sets.  A query is read
 * into a short buffer, and only what is longer spills; answers are packed one behind the other. */
#define QUERY_SHORT 512
struct batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH][2], out_iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union packet_control control[BATCH];
	uint8_t query[BATCH][QUERY_SHORT];
	uint8_t answers[BATCH * RESPONDER_UDP_MAX] __attribute__((aligned(CACHE_LINE)));
	uint8_t spill[BATCH][RESPONDER_QUERY_MAX - QUERY_SHORT];
	struct answer_job job[ANSWER_AHEAD_MAX]; /* those read together, and their queries that are not short */
	uint8_t long_query[ANSWER_AHEAD_MAX][RESPONDER_QUERY_MAX];
};

static void prepare(struct batch *b, bool wildcard, size_t count)
{
	const size_t controllen = wildcard ? sizeof b->control[0] : 0;
	for (size_t i = 0; i < count; i++) {
		b->in[i].msg_hdr.msg_namelen = sizeof b->from[i];
		b->in[i].msg_hdr.msg_controllen = controllen;
	}
}

/* Buffers are left alone: what is never used takes no memory. */
static void init(struct batch *b)
{
	for (size_t i = 0; i < BATCH; i++) {
		b->in_iov[i][0] = (struct iovec){ b->query[i], sizeof b->query[i] };
		b->in_iov[i][1] = (struct iovec){ b->spill[i], sizeof b->spill[i] };
		b->in[i] = (struct mmsghdr){ { .msg_name = &b->from[i], .msg_iov = b->in_iov[i], .msg_iovlen = 2,
					       .msg_control = &b->control[i] }, 0 };
		b->out[i] = (struct mmsghdr){ { .msg_iov = &b->out_iov[i], .msg_iovlen = 1 }, 0 };
	}
}

/* Turns what the kernel told of a query's destination into the source of its answer; the interface is left to routing. */
static void answer_from_there(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *p = (struct in_pktinfo *)(void *)CMSG_DATA(c);
			p->ipi_spec_dst = p->ipi_addr;
			p->ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *p = (struct in6_pktinfo *)(void *)CMSG_DATA(c);
			if (!IN6_IS_ADDR_LINKLOCAL(&p->ipi6_addr))
				p->ipi6_ifindex = 0;
		}
	}
}

static const uint8_t *whole_query(struct batch *b, size_t i, size_t len, uint8_t long_query[RESPONDER_QUERY_MAX])
{
	if (len <= QUERY_SHORT)
		return b->query[i];
	memcpy(long_query, b->query[i], QUERY_SHORT);
	memcpy(long_query + QUERY_SHORT, b->spill[i], len - QUERY_SHORT);
	return long_query;
}

/* One that did not fit was no query: empty, it is dropped. */
static void read_queries(const struct answer_db *db, struct batch *b, size_t first, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		const struct mmsghdr *m = &b->in[first + k];
		const size_t len = m->msg_hdr.msg_flags & MSG_TRUNC ? 0 : m->msg_len;
		b->job[k].in = whole_query(b, first + k, len, b->long_query[k]);
		b->job[k].in_len = len;
	}
	answer_read(b->job, count, db);
}

/* What of a response is sent: all of it, nothing (0), or in its place that it was truncated. */
static size_t limit_rate(struct worker *w, const struct turn *t, const struct answer_from *from, const uint8_t *query,
			 size_t query_len, uint8_t *out, size_t out_len)
{
	struct answer_stats *st = &w->answer.stats;
	switch (rate_judge(t->rate, answer_prefix(from->client), rate_class_of(out), t->now_ms)) {
	case RATE_PASS:
		return out_len;
	case RATE_SLIP:
		st->rate_slipped++;
		if (answer_slip(&w->r->limits, answer_db_key(t->view->db), &w->answer, from, load_u16(out + 2) & 15, query, query_len, out,
				RESPONDER_UDP_MAX, &out_len) == ANSWER_SEND)
			return out_len;
		return 0;
	case RATE_DROP:
		break;
	}
	st->rate_dropped++;
	return 0;
}

/* Class CH: asking the coordinator is dear, so it is decided before; as of an error, for there is nothing yet to truncate. */
static bool may_ask_coordinator(struct worker *w, const struct turn *t, uint64_t net)
{
	if (rate_judge(t->rate, net, RATE_ERROR, t->now_ms) == RATE_PASS)
		return true;
	w->answer.stats.rate_dropped++;
	return false;
}

/* One whose cookie is good has proved its address (RFC 7873 6): nobody else asks in its name. */
static bool is_limited(const struct worker *w, const struct turn *t, const struct addr *client)
{
	return t->rate && w->answer.cookie != COOKIE_GOOD && !rate_is_exempt(t->rate, client);
}

/* Returns the answer's length, 0 for none. */
static size_t answer_one(struct worker *w, const struct turn *t, struct batch *b, size_t i, const struct answer_job *job, uint8_t *out)
{
	const struct msghdr *m = &b->in[i].msg_hdr;
	const uint8_t *query = job->in;
	size_t len = job->in_len, out_len = 0;
	struct addr client;
	sockaddr_to_addr(&client, &b->from[i]);
	const struct answer_from from = { .transport = ANSWER_UDP, .client = &client };
	switch (answer_write(job, t->view->db, &w->answer, &w->r->limits, &from, out, RESPONDER_UDP_MAX, &out_len)) {
	case ANSWER_SEND:
		return is_limited(w, t, &client) ? limit_rate(w, t, &from, query, len, out, out_len) : out_len;
	case ANSWER_COLD: {
		if (is_limited(w, t, &client) && !may_ask_coordinator(w, t, answer_prefix(&client)))
			return 0;
		struct cold_origin o = { .fd = t->fd, .to = b->from[i], .to_len = m->msg_namelen };
		if (m->msg_controllen && m->msg_controllen <= sizeof o.control) {
			memcpy(&o.control, m->msg_control, m->msg_controllen);
			o.control_len = (uint32_t)m->msg_controllen;
		}
		if (cold_hand_over(cold_worker_socket(w->r->cold), &o, query, len))
			return 0;
		if (answer_error(&w->r->limits, answer_db_key(t->view->db), &w->answer, &from, DNS_RCODE_SERVFAIL, query, len, out,
				 RESPONDER_UDP_MAX, &out_len) == ANSWER_SEND)
			return out_len;
		return 0;
	}
	case ANSWER_NONE:
		break;
	}
	return 0;
}

static void send_all(int fd, struct mmsghdr *out, unsigned count)
{
	while (count > 0) {
		int n = sendmmsg(fd, out, count, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			n = 1; /* this one cannot be sent (its route, its firewall); the rest can */
		out += n;
		count -= (unsigned)n;
	}
}

static unsigned answer_all(struct worker *w, const struct turn *t, struct batch *b, size_t n)
{
	unsigned out = 0;
	uint8_t *to = b->answers; /* a batch of the longest answers fits */
	for (size_t i = 0, read = 0; i < n; i++) {
		if (i == read) {
			read = n - i < ANSWER_AHEAD_MAX ? n : i + ANSWER_AHEAD_MAX;
			read_queries(t->view->db, b, i, read - i);
		}
		size_t len = answer_one(w, t, b, i, &b->job[i % ANSWER_AHEAD_MAX], to);
		if (!len)
			continue;
		b->out_iov[out] = (struct iovec){ to, len };
		to += (len + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
		const struct msghdr *m = &b->in[i].msg_hdr;
		struct msghdr *o = &b->out[out++].msg_hdr;
		o->msg_name = m->msg_name;
		o->msg_namelen = m->msg_namelen;
		o->msg_control = m->msg_control;
		o->msg_controllen = m->msg_controllen;
	}
	return out;
}

/* What goes to the tap of a batch that was sent: answers stand in the order of their queries. */
static __attribute__((noinline)) void tap_all(struct worker *w, struct batch *b, int fd, unsigned n, unsigned out, uint64_t came_us)
{
	struct tap_batch t;
	tap_batch_begin(&t, w->r, w, fd, came_us);
	for (unsigned i = 0, next = 0; i < n; i++) {
		const struct msghdr *m = &b->in[i].msg_hdr;
		const bool answered = next < out && b->out[next].msg_hdr.msg_name == m->msg_name;
		const struct iovec *response = answered ? &b->out_iov[next++] : NULL;
		const unsigned purpose = tap_draw(t.tap, t.turn);
		if (purpose && !(m->msg_flags & MSG_TRUNC))
			tap_batch_query(&t, purpose, m, whole_query(b, i, b->in[i].msg_len, b->long_query[0]), b->in[i].msg_len, response);
	}
}

/* One read, its answers, one send. Returns how many datagrams came; 0 for none, -1 for an error. Only between the two is the
 * thread online: both may wait, and whoever publishes must not wait with them. */
static int serve_batch(struct worker *w, struct batch *b, int fd, bool wildcard, size_t last_count, int flags)
{
	prepare(b, wildcard, last_count);
	int n = recvmmsg(fd, b->in, BATCH, flags, NULL);
	if (n <= 0)
		return n;
	const uint64_t began_ns = w->beat % TIMED_EVERY == 0 ? clock_mono_ns() : 0;
	const uint64_t tapped_us = tap_if_on(&w->r->tap) ? clock_wall_us() : 0;
	rcu_thread_online();
	struct turn t = { .fd = fd, .view = rcu_dereference(w->r->view), .rate = rcu_dereference(w->rate) };
	if (t.rate)
		t.now_ms = clock_coarse_ms();
	w->answer.turn = t.view->turn[w->index];
	w->answer.by_zone = t.view->by_zone[w->index];
	cookies_lend(w->r, &w->answer);
	for (size_t i = 0; wildcard && i < (size_t)n; i++)
		answer_from_there(&b->in[i].msg_hdr);
	const unsigned out = answer_all(w, &t, b, (size_t)n);
	rcu_thread_offline();
	send_all(fd, b->out, out);
	if (__builtin_expect(began_ns != 0, 0))
		latency_add(&w->latency, clock_mono_ns() - began_ns, (uint32_t)n);
	if (__builtin_expect(tapped_us != 0, 0))
		tap_all(w, b, fd, (unsigned)n, out, tapped_us);
	return n;
}

static void beat(struct worker *w)
{
	__atomic_store_n(&w->beat, w->beat + 1, __ATOMIC_RELAXED);
}

static bool is_leaving(const struct worker *w)
{
	return __atomic_load_n(&w->r->leaving, __ATOMIC_RELAXED);
}

/* One socket: the read itself waits, which saves two system calls a wake-up. */
static void serve_one_socket(struct worker *w, struct batch *b)
{
	struct timeval idle = { .tv_usec = IDLE_MS * 1000 };
	size_t count = BATCH;
	setsockopt(w->fds[0], SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
	while (!is_leaving(w)) {
		int n = serve_batch(w, b, w->fds[0], w->wildcard[0], count, MSG_WAITFORONE);
		count = n > 0 ? (size_t)n : 0;
		beat(w);
	}
}

static void drain_socket(struct worker *w, struct batch *b, size_t i)
{
	for (int turn = 0; turn < TURNS_A_SOCKET; turn++) {
		if (serve_batch(w, b, w->fds[i], w->wildcard[i], BATCH, MSG_DONTWAIT) < BATCH)
			return;
	}
}

static void serve_many_sockets(struct worker *w, struct batch *b, int ep)
{
	struct epoll_event events[RESPONDER_LISTENS_MAX];
	while (!is_leaving(w)) {
		int n = epoll_wait(ep, events, RESPONDER_LISTENS_MAX, IDLE_MS);
		for (int i = 0; i < n; i++)
			drain_socket(w, b, events[i].data.u64);
		beat(w);
	}
}

static int watch_sockets(const struct worker *w)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; ep >= 0 && i < w->fd_count; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };
		if (epoll_ctl(ep, EPOLL_CTL_ADD, w->fds[i], &e)) {
			close(ep);
			return -1;
		}
	}
	return ep;
}

static void *run(void *ctx)
{
	struct worker *w = ctx;
	struct batch *b = aligned_alloc(CACHE_LINE, sizeof *b);
	int ep = w->fd_count > 1 ? watch_sockets(w) : 0;
	if (!b || ep < 0) {
		log_line(LOG_LEVEL_ERROR, "worker %u cannot start", w->index);
		_exit(1); /* its sockets would have no reader */
	}
	init(b);
	rcu_register_thread();
	rcu_thread_offline();
	if (w->fd_count > 1)
		serve_many_sockets(w, b, ep);
	else
		serve_one_socket(w, b);
	rcu_unregister_thread();
	free(b);
	__atomic_add_fetch(&w->r->workers_ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Worker i of W reads sockets i mod W of each address; where there are fewer, several share one. */
static int assign_sockets(struct responder *r, struct worker *w)
{
	w->fds = calloc(RESPONDER_LISTENS_MAX * SOCKETS_PER_ADDRESS_MAX, sizeof *w->fds);
	w->wildcard = calloc(RESPONDER_LISTENS_MAX * SOCKETS_PER_ADDRESS_MAX, sizeof *w->wildcard);
	if (!w->fds || !w->wildcard)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->listen_count; i++) {
		const struct listen_set *l = &r->listens[i];
		size_t k = l->count && l->count < r->worker_count ? w->index % l->count : w->index;
		for (; l->kind == SOCKET_UDP && k < l->count; k += r->worker_count) {
			w->wildcard[w->fd_count] = l->wildcard;
			w->fds[w->fd_count++] = l->fds[k];
		}
	}
	return 0;
}

static void on_wake(int sig)
{
	(void)sig; /* it is enough that the wait ends */
}

int workers_start(struct responder *r)
{
	struct sigaction wake = { .sa_handler = on_wake }; /* without SA_RESTART */
	if (sigaction(SIGUSR1, &wake, NULL))
		return ERR_IO;
	for (unsigned i = 0; i < r->worker_count; i++) {
		struct worker *w = &r->workers[i];
		w->r = r;
		w->index = i;
		w->tap.random = clock_mono_us() + i;
		w->answer.rng[0] = clock_mono_us() ^ (i + 1);
		w->answer.rng[1] = clock_wall_ms() * 0x9e3779b97f4a7c15u;
		int e = assign_sockets(r, w);
		if (e)
			return e;
		if (w->fd_count && pthread_create(&w->thread, NULL, run, w))
			return ERR_NOMEM;
	}
	return 0;
}

void workers_wake(struct responder *r)
{
	for (unsigned i = 0; r->serving && i < r->worker_count; i++)
		if (r->workers[i].fd_count)
			pthread_kill(r->workers[i].thread, SIGUSR1); /* not joined: the thread's number stays its own */
}

bool workers_ended(const struct responder *r)
{
	unsigned with_sockets = 0;
	for (unsigned i = 0; r->serving && i < r->worker_count; i++)
		with_sockets += r->workers[i].fd_count > 0;
	return __atomic_load_n(&r->workers_ended, __ATOMIC_ACQUIRE) >= with_sockets;
}

bool workers_alive(struct responder *r)
{
	static uint64_t seen[RESPONDER_WORKERS_MAX];
	static unsigned still[RESPONDER_WORKERS_MAX];
	for (unsigned i = 0; i < r->worker_count; i++) {
		uint64_t now = __atomic_load_n(&r->workers[i].beat, __ATOMIC_RELAXED);
		still[i] = now == seen[i] && r->workers[i].fd_count ? still[i] + 1 : 0;
		seen[i] = now;
		if (still[i] > 5) /* asked once a second; an idle worker moves twice a second */
			return false;
	}
	return true;
}
