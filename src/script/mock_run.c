/* The mock's plugins: what is run against what a step expects, and how it ends.
 *
 *     { run = true | "/opt/check_x -H 192.0.2.1" | { "/opt/check_x", "two words" }, exit = 0, output = "OK | time=0.1s" }
 *
 * exit is the exit status, or minus the signal that ended it.
 */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "script/mock.h"

const char *mock_run_text(const struct script_request *req, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < req->len && n + 1 < cap; i++)
		out[n++] = req->data[i] != '\0' ? req->data[i] : ' ';
	out[n] = '\0';
	return out;
}

/* Pushes the words that the value on the top stands for, as a request has them: each with its NUL. */
static void push_words(struct mock *m)
{
	lua_State *L = m->L;
	int list = lua_gettop(L);

	lua_pushliteral(L, "");
	for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
		if (lua_type(L, -1) != LUA_TSTRING)
			mock_fault(m, "\"run\" must be true, a command or a list of words");
		lua_pushlstring(L, "", 1);
		lua_concat(L, 3);
	}
	lua_pop(L, 1);
}

/* `run` of the step stands on the top. */
static bool run_matches(struct mock *m, const struct script_request *req)
{
	char text[512], shown[200], wanted[200];
	const char *want, *got = req->data;
	size_t len, got_len = req->len;
	bool same;

	if (lua_type(m->L, -1) == LUA_TBOOLEAN || lua_isnil(m->L, -1))
		return true;
	if (lua_istable(m->L, -1)) {
		push_words(m);
	} else {
		got = mock_run_text(req, text, sizeof text);
		got_len = strlen(text);
		lua_pushvalue(m->L, -1);
	}
	if (lua_type(m->L, -1) != LUA_TSTRING)
		mock_fault(m, "\"run\" must be true, a command or a list of words");
	want = lua_tolstring(m->L, -1, &len);
	same = len == got_len && memcmp(want, got, len) == 0;
	if (!same)
		mock_wrong(m, "the check runs %s; the mock expects %s", text_quote(got, got_len, shown, sizeof shown),
			   text_quote(want, len, wanted, sizeof wanted));
	lua_pop(m->L, 1);
	return same;
}

enum mock_outcome mock_run(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	enum mock_kind kind = mock_next(m);
	struct mock_effect e;
	const char *output;
	size_t len = 0;
	bool ok;

	if (kind != MOCK_ANY && kind != MOCK_RUN) {
		lua_pop(m->L, kind != MOCK_KIND_NONE);
		return mock_unexpected(m, req);
	}
	lua_getfield(m->L, -1, "run");
	ok = run_matches(m, req);
	lua_pop(m->L, 1);
	if (!ok) {
		lua_pop(m->L, 1);
		return MOCK_WRONG;
	}
	output = mock_text(m, "output", &len);
	m->body.len = 0;
	bytes_add(&m->body, output, len);
	if (m->body.failed)
		mock_fault(m, "an output of more than %u octets", MOCK_OCTETS_MAX);
	a->status = (int)mock_integer(m, "exit", 0);
	a->data = (const char *)m->body.data;
	a->len = m->body.len;
	e = mock_take(m);
	return mock_settle(m, req, &e, a);
}
