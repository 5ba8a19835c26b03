/* See core_world.h. */
#include <stdio.h>
#include <stdlib.h>
#include "core/journal.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"

#define BOUND ((size_t)1 << 26)

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "core_world: %s\n", what);
	abort();
}

/* ---- effects as text ---- */

static size_t set_text(char *out, size_t cap, const struct core_publish *p)
{
	struct bytes b;
	char ip[ADDR_TEXT_MAX];
	bytes_init(&b, BOUND);
	if (!p->ready)
		bytes_printf(&b, "not ready");
	else if (p->count == 0)
		bytes_printf(&b, "nodata ttl=%u", p->ttl_s);
	for (size_t i = 0; p->ready && i < p->count; i++) {
		bytes_printf(&b, "%s", addr_format(&p->addrs[i], false, ip));
		if (p->weights[i] != 1)
			bytes_printf(&b, "*%u", p->weights[i]);
		bytes_printf(&b, " ");
	}
	if (p->ready && p->count)
		bytes_printf(&b, "ttl=%u", p->ttl_s);
	int n = snprintf(out, cap, "%.*s", (int)b.len, (const char *)b.data);
	bytes_deinit(&b);
	return n > 0 ? (size_t)n : 0;
}

static int publish_text(char *out, size_t cap, const struct core *c, const struct core_publish *p)
{
	char set[8192];
	set_text(set, sizeof set, p);
	return snprintf(out, cap, "publish %s %s %s", core_plan(c)->services[p->service].name,
			p->type == DNS_TYPE_A ? "A" : "AAAA", set);
}

size_t core_effect_text(char *out, size_t cap, const struct core *c, const struct core_effect *e)
{
	static const char *const records[] = { "?", "verdict", "override", "last", "tier", "notice", "stretch", "start" };
	char ip[ADDR_TEXT_MAX], line[NOTICE_LINE_MAX];
	const struct plan_stream *s;
	int n = 0;
	switch (e->type) {
	case CORE_JOURNAL:
		n = snprintf(out, cap, "journal %s%s", records[e->journal.data[0] < 8 ? e->journal.data[0] : 0], e->journal.sync ? " sync" : "");
		break;
	case CORE_PUBLISH:
		n = publish_text(out, cap, c, &e->publish);
		break;
	case CORE_SEND:
		n = snprintf(out, cap, "send %s %u", addr_format(&e->send.to, true, ip), e->send.len);
		break;
	case CORE_CONNECTION:
		n = snprintf(out, cap, "connection %u %u", e->connection.id, e->connection.len);
		break;
	case CORE_PROBE:
		s = &core_plan(c)->streams[e->probe.stream];
		n = snprintf(out, cap, "probe %s/%s", addr_format(&s->addr, true, ip), s->check);
		break;
	case CORE_REPLY:
		n = snprintf(out, cap, "%s %u %s", e->reply.refused ? "refused" : "reply", e->reply.id, e->reply.text);
		break;
	case CORE_NEED_EPOCH:
		n = snprintf(out, cap, "epoch");
		break;
	case CORE_NOTICE:
		n = snprintf(out, cap, "notice %s", notice_line(e->notice.what, line));
		break;
	case CORE_RECORD:
		n = snprintf(out, cap, "record %u", e->journal.data[0]);
		break;
	case CORE_EFFECT_NONE:
		break;
	}
	return n > 0 ? (size_t)n : 0;
}

/* ---- carrying out ---- */

struct world_backend *world_backend_of(struct world *w, const struct addr *a)
{
	for (size_t i = 0; i < w->backend_count; i++) {
		if (addr_equal(&w->backends[i].addr, a))
			return &w->backends[i];
	}
	must(w->backend_count < WORLD_BACKENDS_MAX, "too many back ends");
	w->backends[w->backend_count] = (struct world_backend){ *a, HEALTH_OK, 100, false };
	return &w->backends[w->backend_count++];
}

static void do_journal(struct world *w, uint64_t seq, const uint8_t *data, size_t len)
{
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf b;
	wbuf_init(&b, frame, sizeof frame);
	journal_frame_put(&b, seq, data, len);
	must(!b.failed, "a journal record does not fit");
	bytes_add(&w->journal, frame, b.len);
}

static uint64_t takes_ms(const struct world *w, const struct world_backend *b, uint32_t timeout_ms)
{
	if (!w->answer_ms)
		return w->latency_ms;
	return b->reason == HEALTH_CONNECT_TIMEOUT || w->answer_ms > timeout_ms ? timeout_ms : w->answer_ms;
}

static void do_probe(struct world *w, const struct core_effect *e)
{
	const struct world_backend *b = world_backend_of(w, &core_plan(w->core)->streams[e->probe.stream].addr);
	must(w->flight_count < WORLD_FLIGHT_MAX, "too many probes in flight");
	if (!b->silent)
		w->flight[w->flight_count++] =
			(struct world_flight){ w->now_ms + takes_ms(w, b, e->probe.timeout_ms), e->probe.stream, e->probe.run };
}

static void do_publish(struct world *w, const struct core_effect *e)
{
	char text[8192];
	struct bytes *b = &w->answers[e->publish.service * 2u + (e->publish.type == DNS_TYPE_AAAA)];
	set_text(text, sizeof text, &e->publish);
	b->len = 0;
	bytes_add(b, text, strlen(text) + 1);
}

/* What operators may count on, whatever changed. */
static void must_be_whole(const struct core_notice *n)
{
	bool stateless = n->kind == CORE_NOTICE_ALARM || n->kind == CORE_NOTICE_HOOK;
	bool began = n->kind == CORE_NOTICE_NODE && strcmp(n->new, "started") == 0;
	if (!n->number)
		return;
	must(n->wall_ms && *n->subject && *n->cause && *n->observer, "an event without time, subject, cause or observer");
	must(*n->reason || n->kind == CORE_NOTICE_OVERRIDE, "an event without a reason");
	must(stateless || (*n->new && (*n->old || began)), "an event without its states");
}

static void carry_out(struct world *w)
{
	struct core_effect e;
	char text[8300];
	if (w->old_plan && core_plan(w->core) == w->old_plan)
		return; /* a refused plan: nothing to carry out under the one that the world has already */
	while (core_next_effect(w->core, &e)) {
		if (w->on_effect)
			w->on_effect(w, &e);
		else if (core_effect_text(text, sizeof text, w->core, &e) > 0)
			bytes_printf(&w->trace, "%s\n", text);
		if (e.type == CORE_NOTICE)
			must_be_whole(e.notice.what);
		if (e.type == CORE_JOURNAL || e.type == CORE_RECORD)
			do_journal(w, e.journal.seq, e.journal.data, e.journal.len);
		else if (e.type == CORE_NOTICE && e.notice.seq)
			do_journal(w, e.notice.seq, e.notice.data, e.notice.len);
		if (e.type == CORE_JOURNAL && e.journal.sync)
			w->unsynced = e.journal.seq;
		else if (e.type == CORE_SEND && w->on_send)
			w->on_send(w, e.send.data, e.send.len);
		else if (e.type == CORE_PROBE)
			do_probe(w, &e);
		else if (e.type == CORE_PUBLISH)
			do_publish(w, &e);
	}
}

void world_step(struct world *w, const struct core_event *e)
{
	bool armed = w->arm && ++w->steps == w->fault_step;
	if (armed)
		w->arm(w->fault_nth);
	w->err = core_step(w->core, e, w->now_ms, WORLD_WALL_MS + w->now_ms + (uint64_t)w->wall_set_ms);
	if (armed)
		w->fault_hit = w->disarm();
	carry_out(w);
	if (w->unsynced && !w->disk_slow)
		world_sync(w);
}

void world_sync(struct world *w)
{
	struct core_event e = { .type = CORE_SYNCED };
	e.synced.seq = w->unsynced;
	w->unsynced = 0;
	w->disk_slow = false;
	world_step(w, &e);
}

/* ---- time ---- */

static size_t next_flight(const struct world *w)
{
	size_t best = w->flight_count;
	for (size_t i = 0; i < w->flight_count; i++) {
		if (best == w->flight_count || w->flight[i].at_ms < w->flight[best].at_ms)
			best = i;
	}
	return best;
}

static void land(struct world *w, size_t i)
{
	struct world_flight f = w->flight[i];
	struct core_event e = { .type = CORE_RESULT };
	w->flight[i] = w->flight[--w->flight_count];
	const struct plan *p = f.stream < core_plan(w->core)->stream_count ? core_plan(w->core) : w->old_plan;
	struct world_backend *b = world_backend_of(w, &p->streams[f.stream].addr);
	e.result.stream = f.stream;
	e.result.run = f.run;
	e.result.result = (struct health_result){ .reason = b->reason, .weight_pct = b->reason == HEALTH_OK ? b->weight : 0, .took_us = 300 };
	world_step(w, &e);
}

void world_run(struct world *w, uint64_t ms)
{
	uint64_t end = w->now_ms + ms;
	struct core_event timer = { .type = CORE_TIMER };
	for (;;) {
		size_t i = next_flight(w);
		uint64_t result_at = i < w->flight_count ? w->flight[i].at_ms : UINT64_MAX,
			 timer_at = core_deadline(w->core);
		uint64_t at = result_at < timer_at ? result_at : timer_at;
		if (at > end)
			break;
		w->now_ms = at > w->now_ms ? at : w->now_ms;
		if (result_at <= timer_at)
			land(w, i);
		else
			world_step(w, &timer);
	}
	w->now_ms = end;
}

/* ---- life ---- */

static void new_answers(struct world *w)
{
	w->answers = calloc(w->plan->service_count * 2u + 1, sizeof *w->answers);
	must(w->answers != NULL, "memory");
	for (size_t i = 0; i < w->plan->service_count * 2u; i++)
		bytes_init(&w->answers[i], BOUND);
}

static void free_answers(struct world *w, const struct plan *p)
{
	for (size_t i = 0; w->answers && i < p->service_count * 2u; i++)
		bytes_deinit(&w->answers[i]);
	free(w->answers);
}

static void start(struct world *w)
{
	w->epoch = epoch_next(w->epoch, 7);
	struct core_start s = { .plan = w->plan, .boot = w->epoch + 1, .epoch = w->epoch, .seed = 42, .continues = w->continues };
	must(core_new(&w->core, &s, w->now_ms, WORLD_WALL_MS + w->now_ms + (uint64_t)w->wall_set_ms) == 0, "core_new");
}

void world_begin(struct world *w, const char *plan)
{
	world_begin_plan(w, plan_make(plan, 0));
}

void world_begin_plan(struct world *w, struct plan *plan)
{
	*w = (struct world){ .plan = plan, .latency_ms = 5, .now_ms = 1000000 };
	bytes_init(&w->journal, BOUND);
	bytes_init(&w->trace, BOUND);
	new_answers(w);
	start(w);
	world_step(w, &(struct core_event){ .type = CORE_TIMER });
}

void world_restart(struct world *w, size_t octets)
{
	struct rbuf r;
	uint64_t seq = 0;
	const uint8_t *record;
	size_t len;
	core_free(w->core);
	w->flight_count = 0;
	w->unsynced = 0;
	free_answers(w, w->plan);
	new_answers(w);
	start(w);
	rbuf_init(&r, w->journal.data, octets < w->journal.len ? octets : w->journal.len);
	while (journal_frame_get(&r, &seq, &record, &len))
		must(core_recover(w->core, record, len, w->now_ms, WORLD_WALL_MS + w->now_ms + (uint64_t)w->wall_set_ms) == 0,
		     "own record refused");
	w->journal.len = r.pos;
	world_step(w, &(struct core_event){ .type = CORE_TIMER });
}

static int append_word(void *ctx, uint64_t seq, const uint8_t *data, size_t len)
{
	struct world *w = ctx;
	do_journal(w, seq, data, len);
	return 0;
}

void world_upgrade(struct world *w, uint64_t away_ms)
{
	must(core_vouch(w->core, append_word, w) == 0, "core_vouch");
	w->now_ms += away_ms;
	w->continues = true;
	world_restart(w, SIZE_MAX);
	w->continues = false;
}

void world_plan(struct world *w, const char *plan)
{
	struct core_event e = { .type = CORE_PLAN };
	struct plan *next = plan_make(plan, 0);
	free_answers(w, w->plan);
	plan_free(w->old_plan);
	w->old_plan = w->plan;
	w->plan = next;
	new_answers(w);
	e.plan.plan = next;
	do
		world_step(w, &e); /* out of memory leaves the old one in force */
	while (core_plan(w->core) != next && w->err == ERR_NOMEM);
}

void world_end(struct world *w)
{
	core_free(w->core);
	free_answers(w, w->plan);
	plan_free(w->plan);
	plan_free(w->old_plan);
	bytes_deinit(&w->journal);
	bytes_deinit(&w->trace);
}

/* ---- what stories do ---- */

void world_backend(struct world *w, const char *address, enum health_reason r)
{
	struct addr a;
	must(addr_parse(&a, address, strlen(address), 0) == 0, address);
	world_backend_of(w, &a)->reason = r;
}

void world_prober(struct world *w, bool up)
{
	struct core_event e = { .type = CORE_PROBER };
	e.prober.up = up;
	if (!up)
		w->flight_count = 0;
	world_step(w, &e);
}

static enum core_verb verb_of(const char *word)
{
	static const char *const words[] = { "?", "auto", "down", "up", "drain", "failback", "maint" };
	for (int i = 1; i < 7; i++) {
		if (strcmp(words[i], word) == 0)
			return (enum core_verb)i;
	}
	return CORE_VERB_NONE;
}

void world_command(struct world *w, const char *text)
{
	static uint32_t last_id;
	char copy[512], *at = NULL;
	struct core_event e = { .type = CORE_COMMAND };
	snprintf(copy, sizeof copy, "%s", text);
	e.command.verb = verb_of(strtok_r(copy, " ", &at));
	e.command.id = ++last_id;
	snprintf(e.command.selector, sizeof e.command.selector, "%s", strtok_r(NULL, " ", &at));
	snprintf(e.command.author, sizeof e.command.author, "alice");
	snprintf(e.command.reason, sizeof e.command.reason, "because");
	for (char *word; (word = strtok_r(NULL, " ", &at));) {
		if (strcmp(word, "force") == 0)
			e.command.force = true;
		else if (strncmp(word, "for=", 4) == 0)
			e.command.for_ms = strtoull(word + 4, NULL, 10);
	}
	world_step(w, &e);
}

const char *world_answer(struct world *w, const char *service, uint16_t type)
{
	int i = core_service_find(w->core, service);
	must(i >= 0, service);
	struct bytes *b = &w->answers[(size_t)i * 2 + (type == DNS_TYPE_AAAA)];
	return b->len ? (const char *)b->data : "";
}

static bool begins_with_any(const char *line, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, "|");
		if (strncmp(line, words, n) == 0)
			return true;
		words += n + (words[n] == '|');
	}
	return false;
}

const char *world_trace(struct world *w, const char *words)
{
	static char out[1 << 20];
	size_t len = 0;
	bytes_u8(&w->trace, 0);
	out[0] = '\0';
	for (char *line = (char *)w->trace.data, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (words && !begins_with_any(line, words))
			continue;
		must(len + strlen(line) + 2 < sizeof out, "the trace is too long");
		len += (size_t)sprintf(out + len, "%s\n", line);
	}
	w->trace.len = 0;
	return out;
}
