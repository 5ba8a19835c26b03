#include "app/publisher.h"
#include <string.h>
#include "answer/answer.h"
#include "dns/const.h"
#include "dns/name.h"
#include "io/log.h"
#include "ipc/ipc.h"

#define BEHIND_LEN (CHAN_QUEUE_MAX / 4) /* with so much unread, another whole state would hardly fit */

void publisher_init(struct publisher *p, struct chan *supervisor)
{
	*p = (struct publisher){ .supervisor = supervisor, .log.fd = -1 };
}

void publisher_deinit(struct publisher *p)
{
	overlay_log_end(&p->log);
}

static void emit(struct publisher *p, const struct wbuf *w)
{
	if (w->failed) {
		log_line(LOG_LEVEL_ERROR, "an answer does not fit a message between processes");
		return;
	}
	overlay_log_add(&p->log, w->data, w->len);
	if (!p->responder || p->behind || !chan_send_buf(p->responder, w))
		return;
	/* Its end is noticed by the channel. One that only does not read has lost the rest of this transaction: it gets
	 * everything once it has read what it was sent. */
	log_line(LOG_LEVEL_ERROR, "the responder takes no more answers for now");
	p->behind = true;
}

static void start_log(struct publisher *p)
{
	if (!overlay_log_start(&p->log))
		return;
	log_line(LOG_LEVEL_ERROR, "no memory for the overlay log: a new responder will wait for us");
	overlay_log_end(&p->log);
}

/* Only a whole log takes the place of the one that the supervisor keeps. */
static void hand_over_log(struct publisher *p)
{
	uint8_t room[8];
	struct wbuf w;
	if (p->log.fd >= 0 && p->log.failed) {
		log_line(LOG_LEVEL_ERROR, "the overlay log cannot be written: a new responder will wait for us");
		overlay_log_end(&p->log); /* the next whole state tries again; not every step */
	}
	/* In the first round it may lack what the last coordinator knew: the supervisor keeps that one's below it. */
	p->log_adds = p->log.fd >= 0 && p->first_round;
	if (p->log.fd < 0)
		return;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_OVERLAY);
	put_u8(&w, p->log_adds);
	if (chan_send(p->supervisor, w.data, w.len, &p->log.fd, 1))
		log_line(LOG_LEVEL_ERROR, "the supervisor takes no overlay log");
}

static void put_numbers(struct wbuf *w, const struct publisher *p)
{
	put_u64(w, p->generation);
	put_u64(w, p->seq);
}

void publisher_begin(struct publisher *p, bool whole)
{
	uint8_t room[32];
	struct wbuf w;
	if (p->open)
		return;
	if (whole) {
		start_log(p);
		p->behind = p->responder && chan_queued(p->responder) > BEHIND_LEN;
	}
	p->open = true;
	p->whole = whole;
	p->seq++;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_BEGIN);
	put_numbers(&w, p);
	put_u8(&w, !whole ? IPC_BEGIN_PART : p->first_round ? IPC_BEGIN_KEEP : IPC_BEGIN_WHOLE);
	emit(p, &w);
}

static void put_withdraw(struct wbuf *w, const struct plan_service *s, uint16_t type)
{
	ipc_begin(w, IPC_WITHDRAW);
	put_u16(w, DNS_CLASS_IN);
	put_u16(w, type);
	put_block(w, s->owner, name_len(s->owner));
}

void publisher_set(struct publisher *p, const struct plan_service *s, const struct core_publish *set)
{
	uint8_t room[IPC_MESSAGE_MAX];
	struct ipc_set_member members[ANSWER_MEMBERS_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	if (!set->ready && p->first_round)
		return;
	if (!set->ready) {
		put_withdraw(&w, s, set->type);
		emit(p, &w);
		return;
	}
	struct ipc_set m = { .class = DNS_CLASS_IN, .type = set->type, .owner_len = (uint8_t)name_len(s->owner), .ttl_s = set->ttl_s,
			     .pick = set->pick, .answer_n = set->answer_n, .members = members };
	memcpy(m.owner, s->owner, m.owner_len);
	for (; m.count < set->count && m.count < ANSWER_MEMBERS_MAX; m.count++) {
		memcpy(members[m.count].ip, set->addrs[m.count].ip, sizeof members[0].ip);
		members[m.count].weight = set->weights ? set->weights[m.count] : 1;
	}
	ipc_set_put(&w, &m);
	emit(p, &w);
}

uint64_t publisher_commit(struct publisher *p)
{
	uint8_t room[32];
	struct wbuf w;
	if (!p->open)
		return p->seq;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_COMMIT);
	put_numbers(&w, p);
	emit(p, &w);
	overlay_log_commit(&p->log, p->whole);
	if (p->whole)
		hand_over_log(p);
	p->open = false;
	return p->seq;
}

void publisher_ack(struct publisher *p, uint64_t generation, uint64_t seq)
{
	if (generation == p->generation && seq > p->acked && seq <= p->seq)
		p->acked = seq;
}

bool publisher_wants_snapshot(const struct publisher *p)
{
	return overlay_log_is_due(&p->log) || (p->log_adds && !p->first_round) || (p->behind && p->responder && !chan_queued(p->responder));
}
