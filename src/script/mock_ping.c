/* The mock's echoes.
 *
 *     { ping = true | "192.0.2.1", after = 0.012 }        after is the time that the answer takes
 */
#include <string.h>
#include "script/mock.h"

enum mock_outcome mock_ping(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	enum mock_kind kind = mock_next(m);
	char to[ADDR_TEXT_MAX];
	struct mock_effect e;
	size_t len = 0;

	if (kind != MOCK_ANY && kind != MOCK_PING) {
		lua_pop(m->L, kind != MOCK_KIND_NONE);
		return mock_unexpected(m, req);
	}
	addr_format(&req->addr, false, to);
	if (kind == MOCK_PING && !mock_is_true(m, "ping")) {
		const char *want = mock_text(m, "ping", &len);

		if (want == NULL || strcmp(want, to) != 0) {
			lua_pop(m->L, 1);
			return mock_wrong(m, "the check pings %s; the mock expects %s", to, want != NULL ? want : "none");
		}
	}
	e = mock_take(m);
	a->took_us = (uint32_t)e.after_us;
	return mock_settle(m, req, &e, a);
}
