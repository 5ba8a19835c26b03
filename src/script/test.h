/* Tests of a check script by its author: cases against a mock of the target, without network and without waiting.
 *
 *     redis_test.lua
 *       return {
 *         { name = "answers PING", mock = { { expect = "PING\r\n", reply = "+PONG\r\n" } }, want = "up" },
 *         { name = "hangs", mock = { { expect = "PING\r\n", silent = true } }, want = "down", reason = "read timeout" },
 *       }
 *
 *     script_test ──▶ for each case: the script in its real sandbox, its arguments checked as a configuration's
 *                        └─ requests ──▶ mock ──▶ answers; sleeps and time-outs move a clock of its own
 *                     then the result is held against the case ──▶ sink
 *
 * gemel-lua(7) tells what a case and a step may hold.
 */
#ifndef GEMEL_SCRIPT_TEST_H
#define GEMEL_SCRIPT_TEST_H
#include "script/script.h"

#define SCRIPT_TEST_CASES_MAX 1000
#define SCRIPT_TEST_WHAT_MAX 1024

struct script_source {
	const char *file; /* for messages */
	const char *text;
	size_t len;
};
struct script_test_case { /* borrowed until the sink returns */
	const char *name;
	unsigned line;                   /* in the file of cases; 0 = not known */
	bool ok;
	const struct health_result *got; /* took_us by the mock's clock; reason NONE where the run did not come to its end */
	const char *what;                /* what differs from what is wanted; "" where ok */
	const char *log;                 /* what the script logged, a line each; "" = nothing */
};
typedef void (*script_test_sink)(void *ctx, const struct script_test_case *c);

/* Runs every case. 0 when all ran, failed or not; ERR_FORMAT with faults of the check or of its cases in d (those that
 * come before the fault have run), ERR_NOMEM. */
int script_test(const struct script_source *check, const struct script_source *cases, script_test_sink sink, void *ctx,
		struct diags *d) MUST_CHECK;

#endif
