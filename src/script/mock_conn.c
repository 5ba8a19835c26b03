/* The mock's connections: what is sent against what is expected, replies, closing, silence. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "script/mock.h"

/* ---- connecting ---- */

/* `connect = 443` and `tls = true` or a name: what the check must ask for. */
static bool connect_matches(struct mock *m, const struct script_request *req)
{
	lua_State *L = m->L;
	const char *name;
	bool ok = true;

	lua_getfield(L, -1, req->type == SCRIPT_REQ_UDP ? "udp" : "connect");
	if (lua_isinteger(L, -1) && lua_tointeger(L, -1) != req->addr.port) {
		mock_wrong(m, "the check connects to port %u; the mock expects port %d", req->addr.port, (int)lua_tointeger(L, -1));
		ok = false;
	}
	lua_getfield(L, -2, "tls");
	name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
	if (ok && !lua_isnil(L, -1) && req->tls.on != lua_toboolean(L, -1)) {
		mock_wrong(m, "the check connects %s TLS; the mock expects it the other way", req->tls.on ? "with" : "without");
		ok = false;
	}
	if (ok && name != NULL && strcmp(name, req->tls.name) != 0) {
		mock_wrong(m, "the check asks TLS for \"%.100s\"; the mock expects \"%.100s\"", req->tls.name, name);
		ok = false;
	}
	lua_pop(L, 2);
	return ok;
}

static struct mock_conn *conn_take(struct mock *m, int *number)
{
	for (int i = 0; i < MOCK_CONNS_MAX; i++)
		if (!m->conns[i].open) {
			*number = i;
			return &m->conns[i];
		}
	return NULL;
}

enum mock_outcome mock_connect(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	bool udp = req->type == SCRIPT_REQ_UDP;
	struct mock_effect e = { 0 };
	struct mock_conn *c = conn_take(m, &a->conn);
	lua_Integer step = 0;
	enum mock_kind kind;

	if (c == NULL)
		return mock_fail(m, a, HEALTH_LOCAL_ERROR, "more than %d connections of one run", MOCK_CONNS_MAX);
	kind = mock_next(m);
	if (kind == (udp ? MOCK_UDP : MOCK_CONNECT) || (kind == MOCK_ANY && !udp)) {
		if (!connect_matches(m, req)) {
			lua_pop(m->L, 1);
			return MOCK_WRONG;
		}
		step = m->at;
		e = mock_take(m);
	} else {
		lua_pop(m->L, kind != MOCK_KIND_NONE);
	}
	bytes_deinit(&c->in);
	*c = (struct mock_conn){ .open = e.fail == HEALTH_REASON_NONE, .tls = req->tls.on, .datagrams = udp, .port = req->addr.port,
				 .step = step };
	bytes_init(&c->in, MOCK_OCTETS_MAX);
	return mock_settle(m, req, &e, a);
}

static struct mock_conn *conn_get(struct mock *m, const struct script_request *req)
{
	return req->conn >= 0 && req->conn < MOCK_CONNS_MAX && m->conns[req->conn].open ? &m->conns[req->conn] : NULL;
}

/* ---- sending ---- */

/* The step on the top is fulfilled: what the target does then. Pops it. */
static void conn_effect(struct mock *m, struct mock_conn *c)
{
	size_t len = 0;
	const char *reply = mock_text(m, "reply", &len);
	bool closes = mock_bool(m, "close", false);
	struct mock_effect e;

	if (reply != NULL && c->datagrams)
		bytes_u32(&c->in, (uint32_t)len);
	if (reply != NULL)
		bytes_add(&c->in, reply, len);
	if (c->in.failed)
		mock_fault(m, "replies of more than %u octets", MOCK_OCTETS_MAX);
	e = mock_take(m);
	if (e.after_us != 0)
		c->ready_us = m->now_us + e.after_us;
	c->silent = e.silent;
	c->end = e.fail != HEALTH_REASON_NONE ? e.fail : closes ? HEALTH_READ_CLOSED : HEALTH_REASON_NONE;
}

/* `expect` is a function: it is given what was sent and says whether that is right, and if not, why. */
static bool ask_function(struct mock *m, const char *data, size_t len)
{
	struct meter meter = { .L = m->L, .limits = &m->script->limits, .hard_slices = SCRIPT_CHUNK_SLICES };
	char shown[200];
	int status;
	bool ok;

	lua_pushlstring(m->L, data, len);
	limits_arm(m->script, &meter);
	status = lua_pcall(m->L, 1, 2, 0);
	limits_disarm(m->script);
	if (status != LUA_OK) {
		const struct failure *f = fail_get(m->L, -1);

		mock_fault(m, "%s", meter.poison != HEALTH_REASON_NONE ? "\"expect\" takes too long" : f != NULL ? f->detail :
			   lua_type(m->L, -1) == LUA_TSTRING ? lua_tostring(m->L, -1) : "an error without a text");
	}
	ok = lua_toboolean(m->L, -2);
	if (!ok)
		mock_wrong(m, "the check sends %s; \"expect\" does not take it%s%.200s", text_quote(data, len, shown, sizeof shown),
			   lua_isstring(m->L, -1) ? ": " : "", lua_isstring(m->L, -1) ? lua_tostring(m->L, -1) : "");
	lua_pop(m->L, 2);
	return ok;
}

/* How much of data the step on the top takes; 0 where it does not match, with the trouble told. *done: the step has all. */
static size_t expect_takes(struct mock *m, const char *data, size_t len, bool *done)
{
	char shown[200], wanted[200];
	const char *want;
	size_t want_len, n;

	*done = true;
	if (lua_getfield(m->L, -1, "expect") == LUA_TFUNCTION)
		return ask_function(m, data, len) ? len : 0;
	if (lua_type(m->L, -1) != LUA_TSTRING)
		mock_fault(m, "\"expect\" must be a string or a function");
	want = lua_tolstring(m->L, -1, &want_len);
	if (want_len == 0)
		mock_fault(m, "\"expect\" is empty");
	n = want_len - m->matched < len ? want_len - m->matched : len;
	if (memcmp(data, want + m->matched, n) != 0) {
		mock_wrong(m, "the check sends %s; the mock expects %s", text_quote(data, len, shown, sizeof shown),
			   text_quote(want + m->matched, want_len - m->matched, wanted, sizeof wanted));
		n = 0;
	}
	*done = m->matched + n == want_len;
	m->matched += n;
	lua_pop(m->L, 1);
	return n;
}

enum mock_outcome mock_send(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	struct mock_conn *c = conn_get(m, req);
	const char *data = req->data;
	size_t left = req->len, n;

	if (c == NULL)
		return mock_fail(m, a, HEALTH_READ_CLOSED, "the connection is closed");
	while (left > 0) {
		enum mock_kind kind = mock_next(m);
		struct mock_effect e;
		bool done;

		if (kind == MOCK_ANY) { /* the sending itself fails, or hangs */
			e = mock_take(m);
			return mock_settle(m, req, &e, a);
		}
		if (kind != MOCK_EXPECT) {
			lua_pop(m->L, kind != MOCK_KIND_NONE);
			return mock_unexpected(m, req);
		}
		n = expect_takes(m, data, left, &done);
		if (n == 0) {
			lua_pop(m->L, 1);
			return MOCK_WRONG;
		}
		data += n;
		left -= n;
		if (done)
			conn_effect(m, c);
		else
			lua_pop(m->L, 1);
	}
	return MOCK_ANSWERED;
}

/* ---- reading ---- */

static void give(struct mock_conn *c, size_t n, size_t drop, struct script_answer *a)
{
	a->data = (const char *)c->in.data + c->taken;
	a->len = n - drop;
	c->taken += n;
}

static bool give_datagram(struct mock *m, struct mock_conn *c, const struct script_request *req, struct script_answer *a)
{
	size_t n;

	if (c->in.len - c->taken < 4)
		return false;
	n = load_u32(c->in.data + c->taken);
	c->taken += 4;
	give(c, n, 0, a);
	if (n > req->max)
		mock_fail(m, a, HEALTH_REPLY_WRONG, "a datagram of more than %zu octets", req->max);
	return true;
}

/* True where what is here answers the request: as io/probe_conn has it. */
static bool give_held(struct mock *m, struct mock_conn *c, const struct script_request *req, struct script_answer *a)
{
	size_t n = c->in.len - c->taken;
	const char *data, *end;

	if (c->datagrams)
		return give_datagram(m, c, req, a);
	if (n == 0)
		return false;
	if (req->type == SCRIPT_REQ_READ) {
		give(c, n < req->max ? n : req->max, 0, a);
		return true;
	}
	data = (const char *)c->in.data + c->taken;
	end = memchr(data, '\n', n);
	if (end != NULL && (size_t)(end - data) <= req->max) {
		give(c, (size_t)(end - data) + 1, end > data && end[-1] == '\r' ? 2 : 1, a);
		return true;
	}
	if (n <= req->max)
		return false;
	mock_fail(m, a, HEALTH_REPLY_WRONG, "a line of more than %zu octets", req->max);
	return true;
}

/* The next step, where it is one that a read takes. */
static bool take_for_read(struct mock *m, struct mock_conn *c)
{
	enum mock_kind kind = mock_next(m);

	if (kind == MOCK_ANY || kind == MOCK_REPLY) {
		conn_effect(m, c);
		return true;
	}
	lua_pop(m->L, kind != MOCK_KIND_NONE);
	return false;
}

enum mock_outcome mock_read(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	struct mock_conn *c = conn_get(m, req);

	if (c == NULL)
		return mock_fail(m, a, HEALTH_READ_CLOSED, "the connection is closed");
	for (;;) {
		enum mock_outcome o = mock_wait(m, req, c->ready_us, a);

		if (o != MOCK_ANSWERED || a->reason != HEALTH_OK || give_held(m, c, req, a))
			return o;
		if (c->end != HEALTH_REASON_NONE)
			return mock_fail(m, a, c->end, "port %u%s", c->port, c->in.len > c->taken ? ", within a line" : "");
		if (c->silent)
			return mock_wait(m, req, UINT64_MAX, a);
		if (!take_for_read(m, c))
			return mock_unexpected(m, req);
	}
}

/* ---- TLS ---- */

/* The names as a script_tls_info has them, from the list in the field `names` of the table on the top. */
static void read_names(struct mock *m, const char *fallback)
{
	int top = lua_gettop(m->L);
	size_t used = 0;

	m->names[0] = '\0';
	if (lua_getfield(m->L, -1, "names") != LUA_TTABLE)
		snprintf(m->names, sizeof m->names, "%.255s\n", fallback);
	for (lua_Integer i = 1; lua_istable(m->L, top + 1) && lua_rawgeti(m->L, top + 1, i) == LUA_TSTRING; i++) {
		used += (size_t)snprintf(m->names + used, sizeof m->names - used, "%s\n", lua_tostring(m->L, -1));
		if (used >= sizeof m->names)
			mock_fault(m, "\"names\" is too long");
		lua_pop(m->L, 1);
	}
	lua_settop(m->L, top);
}

static const char *info_text(struct mock *m, const char *key, const char *fallback)
{
	size_t len;
	const char *text = mock_text(m, key, &len);

	return text != NULL ? text : fallback;
}

/* What the table on the top says of a certificate; what it does not say is as all would like it. */
static void read_cert(struct mock *m, const char *name)
{
	struct script_tls_info *i = &m->info;

	i->protocol = info_text(m, "protocol", "TLSv1.3");
	i->cipher = info_text(m, "cipher", "TLS_AES_256_GCM_SHA384");
	i->alpn = info_text(m, "alpn", "");
	i->subject = info_text(m, "subject", "CN=mock");
	i->issuer = info_text(m, "issuer", "CN=mock CA");
	i->fault = info_text(m, "fault", "");
	i->chain_len = (unsigned)mock_integer(m, "chain", 2);
	lua_getfield(m->L, -1, "days_left");
	i->days_left = lua_isnumber(m->L, -1) ? lua_tonumber(m->L, -1) : 60;
	lua_pop(m->L, 1);
	i->not_before_s = mock_integer(m, "not_before", 1767225600); /* 2026-01-01 */
	i->not_after_s = mock_integer(m, "not_after", i->not_before_s + 90 * 86400);
	read_names(m, name);
	i->names = m->names;
}

enum mock_outcome mock_tls_info(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	static const char *const known[] = { "protocol", "cipher", "alpn", "subject", "issuer", "fault", "chain", "days_left", "not_before",
					     "not_after", "names", NULL };
	struct mock_conn *c = conn_get(m, req);
	int top = lua_gettop(m->L);
	bool has;

	if (c == NULL)
		return mock_fail(m, a, HEALTH_READ_CLOSED, "the connection is closed");
	if (!c->tls)
		return mock_fail(m, a, HEALTH_SCRIPT_ERROR, "tls: this connection has no TLS");
	has = c->step > 0 && lua_rawgeti(m->L, m->steps, c->step) == LUA_TTABLE && lua_getfield(m->L, -1, "cert") == LUA_TTABLE;
	if (!has)
		lua_newtable(m->L);
	mock_check_keys(m->L, lua_gettop(m->L), "cert", known);
	read_cert(m, "www.example.test");
	a->tls = &m->info;
	lua_settop(m->L, top); /* what it lends is the case's, and stays */
	return MOCK_ANSWERED;
}
