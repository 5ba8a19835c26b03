/* The coordinator's memory: what it recovers, and what an operator is told when it cannot be written.
 *
 *     command ─▶ room on the disk? ─▶ core ─▶ JOURNAL ─▶ synced ─▶ in force, REPLY
 *                  └─ no: refused                  └─ neither the file nor a fresh one can be made durable: refused; we start anew,
 *                                                     since the core cannot be told to forget a command
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/coordinator_state.h"
#include "io/clock.h"
#include "io/log.h"

#define RESERVE_LEN 65536  /* a command's record and the verdicts that one step may bring before it */
#define LAST_WORDS_MS 200  /* for refusals to reach their clients */

/* ---- recovery ---- */

static struct { /* records read before the core exists */
	uint8_t *data;
	size_t len, cap;
} recovered;

static void on_record(void *ctx, const uint8_t *record, size_t len)
{
	(void)ctx;
	if (recovered.len + len + 2 > recovered.cap) {
		size_t cap = (recovered.cap + len + 2) * 2;
		uint8_t *p = realloc(recovered.data, cap);
		if (!p) {
			log_line(LOG_LEVEL_ERROR, "the journal cannot be read: %s", err_text(ERR_NOMEM));
			exit(1); /* going on would forget overrides, and compaction would make that last */
		}
		recovered.data = p;
		recovered.cap = cap;
	}
	store_u16(recovered.data + recovered.len, (uint16_t)len);
	memcpy(recovered.data + recovered.len + 2, record, len);
	recovered.len += len + 2;
}

void coordinator_recover(struct coordinator *c)
{
	size_t skipped = 0;
	for (size_t at = 0; at + 2 <= recovered.len;) {
		size_t len = load_u16(recovered.data + at);
		if (core_recover(c->core, recovered.data + at + 2, len, clock_mono_ms(), clock_wall_ms()))
			skipped++;
		at += len + 2;
	}
	if (skipped)
		log_line(LOG_LEVEL_WARNING, "%zu records of the journal are of another version: skipped", skipped);
	free(recovered.data);
	recovered.data = NULL;
	recovered.len = recovered.cap = 0;
}

/* ---- commands that wait for the disk ---- */

void coordinator_forget(struct coordinator *c, uint32_t id)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (c->commands[i] == id)
			c->commands[i] = 0;
}

void coordinator_refuse(struct coordinator *c, uint32_t id, const char *text)
{
	coordinator_forget(c, id);
	coordinator_command_done(c, id, true, text);
}

bool coordinator_accept(struct coordinator *c, const struct core_command *cmd)
{
	char text[CORE_TEXT_MAX];
	size_t i = 0;
	while (i < COMMANDS_MAX && c->commands[i])
		i++;
	if (c->last_words) {
		coordinator_refuse(c, cmd->id, "the coordinator starts anew; try again");
	} else if (i == COMMANDS_MAX) {
		coordinator_refuse(c, cmd->id, "too many commands wait for the disk; try again");
	} else if (journal_reserve(c->journal, RESERVE_LEN)) {
		snprintf(text, sizeof text, "the journal cannot be written (%s): nothing was changed", strerror(errno));
		log_line(LOG_LEVEL_ERROR, "alarm: %s", text);
		coordinator_refuse(c, cmd->id, text);
	} else {
		c->commands[i] = cmd->id;
		return true;
	}
	return false;
}

static void on_last_words_said(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	exit(1);
}

static void on_failed(void *ctx, int why)
{
	struct coordinator *c = ctx;
	char text[CORE_TEXT_MAX];
	bool any = false;
	snprintf(text, sizeof text, "the journal cannot be written (%s): nothing was changed", strerror(why));
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (c->commands[i]) {
			any = true;
			coordinator_refuse(c, c->commands[i], text);
		}
	if (!any || c->last_words)
		return;
	c->last_words = true;
	log_line(LOG_LEVEL_ERROR, "the coordinator starts anew without the overrides that it refused");
	struct timeval wait = { .tv_usec = LAST_WORDS_MS * 1000 };
	if (event_base_once(c->base, -1, EV_TIMEOUT, on_last_words_said, NULL, &wait))
		exit(1);
}

/* ---- hooks ---- */

static void on_synced(void *ctx, uint64_t seq)
{
	struct coordinator *c = ctx;
	if (c->core && !c->last_words)
		coordinator_step(c, &(struct core_event){ .type = CORE_SYNCED, .synced = { seq } });
}

static int fill_snapshot(void *ctx, journal_emit emit, void *out)
{
	struct coordinator *c = ctx;
	if (c->last_words)
		return ERR_BUSY; /* the core still holds what was refused */
	return core_snapshot(c->core, clock_mono_ms(), clock_wall_ms(), emit, out);
}

void coordinator_open_journal(struct coordinator *c)
{
	struct journal_hooks h = { .ctx = c, .record = on_record, .synced = on_synced, .failed = on_failed, .fill = fill_snapshot };
	c->journal = journal_open(c->base, c->state_fd, &h);
	if (!c->journal)
		exit(1);
}

void coordinator_compact(struct coordinator *c)
{
	if (journal_compact(c->journal))
		log_line(LOG_LEVEL_ERROR, "the journal cannot be compacted: %s", strerror(errno));
}
