/* One core, a random configuration and a random history, and after every moment of it the rules said again, slowly:
 *
 *     results (pass, fail, unknown, void, weights) ─┐
 *     operators: down, up, drain, auto, failback ───┼─▶ core ─▶ what it publishes ─┐
 *     time ─────────────────────────────────────────┤                              ├─ must be the same
 *                                                   └─▶ history_oracle.c ──────────┘
 *
 * The oracle never asks the core; it is told what happened, as an observer would be.
 */
#ifndef GEMEL_TESTS_HISTORIES_H
#define GEMEL_TESTS_HISTORIES_H
#include "core/core.h"
#include "lib/policy_oracle.h"

#define HISTORY_SERVICES 4
#define HISTORY_MEMBERS 8
#define HISTORY_STREAMS 64
#define HISTORY_COMMANDS 24

struct history_set { bool published, ready; uint32_t ttl_s; uint16_t count; struct addr addrs[HISTORY_MEMBERS]; uint16_t weights[HISTORY_MEMBERS]; };

/* What the oracle knows of a stream. */
struct told_stream {
	enum health_verdict verdict, effective; /* effective: the last that was no "unknown" */
	bool known, waiting;
	unsigned fails, passes, passed_with, weight;
	uint64_t counted_ms, down_ms; /* since when it is effectively down, and the how-manieth such news it was */
	unsigned down_order;
};
struct told_command { char selector[64]; enum core_verb verb; uint64_t at_ms, until_ms; };
struct told_service {
	struct policy_answer last[2];
	uint16_t last_member[2][HISTORY_MEMBERS];
	int hold[2];
	uint64_t since[2][POLICY_ORACLE_TIERS]; /* since when a better tier waits, 0 = it does not */
	bool fail_back; /* said now */
	int served;     /* a tier serves some family: what others may need */
	bool ready;
};
struct history_oracle {
	const struct plan *plan;
	uint64_t begun_ms, round_ends_ms;
	bool round_done;
	unsigned downs;
	struct told_stream streams[HISTORY_STREAMS];
	struct told_command commands[HISTORY_COMMANDS];
	size_t command_count;
	struct told_service services[HISTORY_SERVICES];
	char addresses[HISTORY_SERVICES][HISTORY_MEMBERS][ADDR_TEXT_MAX];
	char fault[600];
};

void oracle_begin(struct history_oracle *o, const struct plan *p, uint64_t now_ms);
void oracle_result(struct history_oracle *o, uint32_t stream, const struct health_result *r, uint64_t now_ms);
void oracle_command(struct history_oracle *o, const struct core_command *c, uint64_t now_ms); /* it was accepted */
/* Would it leave a service that it touches, and that answers, without an answer? */
bool oracle_would_empty(const struct history_oracle *o, const struct core_command *c, uint64_t now_ms);
/* All that happens at this moment has happened. False, with o->fault set, where what is published is not what must be. */
bool oracle_check(struct history_oracle *o, const struct history_set sets[][2], uint64_t now_ms);

#endif
