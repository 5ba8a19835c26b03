/* The list of effects of one step, and the octets they borrow. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

#define LIST_FIRST 32u
#define DATA_FIRST 4096u

void effects_deinit(struct effects *e)
{
	free(e->list);
	free(e->data);
	*e = (struct effects){ 0 };
}

void effects_clear(struct core *c)
{
	c->effects.count = c->effects.next = c->effects.len = 0;
	c->nomem = false;
}

static bool grow_list(struct effects *e)
{
	if (e->count < e->cap)
		return true;
	size_t cap = e->cap ? e->cap * 2 : LIST_FIRST;
	struct effect_item *list = realloc(e->list, cap * sizeof *list);
	if (!list)
		return false;
	e->list = list;
	e->cap = cap;
	return true;
}

static bool grow_data(struct effects *e, size_t len)
{
	size_t cap = e->data_cap ? e->data_cap : DATA_FIRST;
	while (cap - e->len < len)
		cap *= 2;
	if (cap == e->data_cap)
		return true;
	uint8_t *data = realloc(e->data, cap);
	if (!data)
		return false;
	e->data = data;
	e->data_cap = cap;
	return true;
}

bool effect_room(struct core *c, size_t len)
{
	if (grow_list(&c->effects) && grow_data(&c->effects, len))
		return true;
	c->nomem = true;
	return false;
}

void effect_put(struct core *c, const struct core_effect *e, const void *data, size_t len)
{
	struct effects *f = &c->effects;
	f->list[f->count++] = (struct effect_item){ *e, f->len };
	if (len)
		memcpy(f->data + f->len, data, len);
	f->len += len;
}

bool effect_journal(struct core *c, const uint8_t *record, size_t len, bool sync)
{
	if (!effect_room(c, len))
		return false;
	struct core_effect e = { .type = CORE_JOURNAL };
	e.journal.len = (uint16_t)len;
	e.journal.seq = ++c->seq;
	e.journal.sync = sync;
	effect_put(c, &e, record, len);
	return true;
}

/* Texts are for people: without memory they are left out, since nothing rests on them (but a reply: its asker times out). */
void effect_reply(struct core *c, uint32_t id, bool refused, const char *fmt, ...)
{
	char text[CORE_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	size_t len = strlen(text) + 1;
	if (!effect_room(c, len))
		return;
	struct core_effect e = { .type = CORE_REPLY };
	e.reply.id = id;
	e.reply.refused = refused;
	effect_put(c, &e, text, len);
}

static const struct core_notice *notice_of(struct core *c, const uint8_t *data, size_t len)
{
	struct rbuf r;
	rbuf_init(&r, data + 1, len - 1);
	if (notice_decode(&c->effects.notice, &r))
		c->effects.notice = (struct core_notice){ 0 }; /* cannot be: we wrote it */
	return &c->effects.notice;
}

bool core_next_effect(struct core *c, struct core_effect *e)
{
	struct effects *f = &c->effects;
	if (f->next == f->count)
		return false;
	const struct effect_item *i = &f->list[f->next++];
	const uint8_t *data = f->data + i->at;
	*e = i->effect;
	switch (e->type) {
	case CORE_JOURNAL:
	case CORE_RECORD:
		e->journal.data = data;
		break;
	case CORE_SEND:
		e->send.data = data;
		break;
	case CORE_CONNECTION:
		e->connection.data = data;
		break;
	case CORE_REPLY:
		e->reply.text = (const char *)data;
		break;
	case CORE_NOTICE:
		e->notice.data = data;
		e->notice.what = notice_of(c, data, e->notice.len);
		break;
	case CORE_EFFECT_NONE:
	case CORE_PUBLISH:
	case CORE_PROBE:
	case CORE_NEED_EPOCH:
		break;
	}
	return true;
}
