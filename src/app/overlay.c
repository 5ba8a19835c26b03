/* The live overlay's transactions: BEGIN, SET and WITHDRAW gather compiled answers, COMMIT swaps them in and waits until no
 * reader can hold an old one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <urcu-qsbr.h>
#include <unistd.h>
#include "app/overlay_log.h"
#include "app/responder_state.h"
#include "io/log.h"
#include "ipc/ipc.h"

/* Where a generation was refused, its health still moves the answers of the one that is served. */
static struct view *target(const struct responder *r)
{
	if (r->overlay.ignored)
		return NULL;
	if (r->overlay.generation == r->refused)
		return r->view;
	if (r->view && r->view->generation == r->overlay.generation)
		return r->view;
	if (r->waiting && r->waiting->generation == r->overlay.generation)
		return r->waiting;
	return NULL;
}

static void drop_changes(struct overlay *o)
{
	for (size_t i = 0; i < o->count; i++)
		answer_live_free(o->changes[i].live);
	o->count = 0;
	o->open = false;
}

static void begin(struct responder *r, struct rbuf *m, bool *wait)
{
	struct overlay *o = &r->overlay;
	drop_changes(o);
	o->generation = get_u64(m);
	if (o->as)
		o->generation = o->as;
	o->seq = get_u64(m);
	o->how = get_u8(m);
	if (m->failed)
		return;
	o->open = true;
	uint64_t newest = r->waiting ? r->waiting->generation : r->view ? r->view->generation : 0;
	if (r->view && newest < r->refused)
		newest = r->refused;
	o->ignored = o->generation < newest && !(r->view && r->view->generation == o->generation);
	*wait = o->generation > newest;
}

/* Takes live. */
static void add_change(struct overlay *o, size_t slot, struct answer_live *live)
{
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 64;
		struct overlay_change *c = reallocarray(o->changes, cap, sizeof *c);
		if (!c) {
			log_line(LOG_LEVEL_ERROR, "out of memory: an answer keeps its old members");
			answer_live_free(live);
			return;
		}
		o->changes = c;
		o->cap = cap;
	}
	o->changes[o->count++] = (struct overlay_change){ slot, live };
}

static void set(struct responder *r, struct rbuf *m)
{
	struct ipc_set s;
	struct ipc_set_member room[ANSWER_MEMBERS_MAX];
	struct answer_member members[ANSWER_MEMBERS_MAX];
	struct view *v = target(r);
	ipc_set_get(m, &s, room, ANSWER_MEMBERS_MAX);
	if (m->failed || !v || !r->overlay.open || s.class != DNS_CLASS_IN)
		return;
	int64_t slot = answer_db_slot(v->db, s.owner, s.type);
	if (slot < 0)
		return; /* the zone that held it is not served now */
	for (size_t i = 0; i < s.count; i++) {
		memcpy(members[i].ip, room[i].ip, sizeof members[i].ip);
		members[i].weight = room[i].weight;
	}
	struct answer_set as = { .owner = s.owner, .type = s.type, .ttl_s = s.ttl_s, .pick = s.pick, .answer_n = s.answer_n,
				 .count = s.count, .members = members };
	struct answer_live *live;
	int e = answer_live_new(&live, &as);
	if (e)
		log_line(LOG_LEVEL_ERROR, "a live answer cannot be compiled: %s", err_text(e));
	else
		add_change(&r->overlay, (size_t)slot, live);
}

static void withdraw(struct responder *r, struct rbuf *m)
{
	struct view *v = target(r);
	uint16_t class = get_u16(m), type = get_u16(m);
	size_t len;
	const uint8_t *owner = get_block(m, &len);
	if (m->failed || !v || !r->overlay.open || class != DNS_CLASS_IN || name_check(owner, len) != (int)len)
		return;
	int64_t slot = answer_db_slot(v->db, owner, type);
	if (slot >= 0)
		add_change(&r->overlay, (size_t)slot, NULL);
}

/* A whole transaction withdraws what it does not name. */
static void withdraw_the_rest(struct overlay *o, size_t slots)
{
	bool *named = calloc(slots + 1, sizeof *named);
	if (!named) {
		log_line(LOG_LEVEL_ERROR, "out of memory: withdrawn answers stay until the next change");
		return;
	}
	for (size_t i = 0; i < o->count; i++)
		named[o->changes[i].slot] = true;
	for (size_t i = 0; i < slots; i++)
		if (!named[i])
			add_change(o, i, NULL);
	free(named);
}

static void acknowledge(struct responder *r, uint64_t generation, uint64_t seq)
{
	if (r->overlay.as)
		return; /* its number is another coordinator's */
	uint8_t room[32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_ACK);
	put_u64(&w, generation);
	put_u64(&w, seq);
	if (r->coordinator && chan_send_buf(r->coordinator, &w))
		log_line(LOG_LEVEL_WARNING, "an acknowledgement to the coordinator is lost");
}

static void commit(struct responder *r)
{
	struct overlay *o = &r->overlay;
	struct view *v = target(r), *old = NULL;
	if (!o->open || !v || (v == r->waiting && o->how == IPC_BEGIN_PART)) {
		drop_changes(o);
		return;
	}
	/* A refused generation says nothing of the services that only the old one has: those keep their last answers. */
	if (o->how == IPC_BEGIN_WHOLE && o->generation != r->refused)
		withdraw_the_rest(o, answer_db_slots(v->db));
	for (size_t i = 0; i < o->count; i++)
		o->changes[i].live = answer_db_swap(v->db, o->changes[i].slot, o->changes[i].live);
	if (v == r->waiting) {
		old = r->view;
		rcu_assign_pointer(r->view, v);
		r->waiting = NULL;
	}
	synchronize_rcu(); /* after this every worker answers from the new state, and nobody holds the old */
	drop_changes(o);
	if (old)
		figures_carry(v, old);
	view_free(old);
	acknowledge(r, o->generation, o->seq);
}

bool overlay_message(struct responder *r, const uint8_t *data, size_t len, bool *wait)
{
	struct rbuf m;
	rbuf_init(&m, data, len);
	*wait = false;
	switch (ipc_type_get(&m)) {
	case IPC_BEGIN:
		begin(r, &m, wait);
		return true;
	case IPC_SET:
		set(r, &m);
		return true;
	case IPC_WITHDRAW:
		withdraw(r, &m);
		return true;
	case IPC_COMMIT:
		commit(r);
		return true;
	default:
		return false;
	}
}

/* A private copy: the coordinator may be writing to it, or shorten it. */
static uint8_t *read_log(int fd, size_t *len)
{
	uint64_t committed;
	struct stat st;
	if (fstat(fd, &st) || pread(fd, &committed, sizeof committed, 0) != sizeof committed || committed > (uint64_t)st.st_size)
		return NULL;
	uint8_t *data = malloc((size_t)committed + OVERLAY_LOG_HEAD);
	size_t got = 0;
	while (data && got < committed) {
		ssize_t n = pread(fd, data + got, (size_t)committed - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	*len = got;
	return data;
}

void overlay_replay(struct responder *r, int fd, bool foreign)
{
	const struct view *to = r->waiting ? r->waiting : r->view;
	size_t len, pos = 0;
	uint8_t *data = read_log(fd, &len);
	const uint8_t *message;
	size_t message_len;
	bool wait = false;
	r->overlay.as = foreign && to ? to->generation : 0;
	while (data && overlay_log_next(data, len, &pos, &message, &message_len))
		overlay_message(r, message, message_len, &wait);
	r->overlay.as = 0;
	free(data);
}
