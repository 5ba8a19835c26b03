/* The API of check scripts: which requests leave a run, how answers come back, what is refused. */
#include "script_help.h"

/* The first request of body; the run is freed. */
static struct script_request first_request(const char *body, struct script **keep, struct script_run **run)
{
	struct script_target t = help_target();
	struct script_request req;
	struct health_result r;
	char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "return function (target, args) %s end", body), 0);
	*keep = help_script(text, NULL);
	ck_assert_msg(*keep != NULL, "%s", help_log);
	free(text);
	ck_assert_msg(script_start(*keep, run, &t, NULL, 0, &req, &r) == SCRIPT_YIELDED, "%s: %s", body, r.detail);
	return req;
}

static void drop(struct script *s, struct script_run *run)
{
	script_run_free(run);
	script_free(s);
}

START_TEST(connect_asks_for_an_address)
{
	struct script *s;
	struct script_run *run;
	struct script_request r = first_request("net.connect('2001:db8::1', 443, { timeout = 1.5 })", &s, &run);
	char text[ADDR_TEXT_MAX];

	ck_assert_int_eq(r.type, SCRIPT_REQ_CONNECT);
	ck_assert_str_eq(addr_format(&r.addr, true, text), "[2001:db8::1]:443");
	ck_assert_uint_eq(r.timeout_ms, 1500);
	drop(s, run);
}
END_TEST

START_TEST(send_and_read_carry_their_sizes)
{
	static const struct {
		const char *call;
		enum script_request_type type;
		const char *data;
		size_t max;
		uint32_t timeout_ms;
	} list[] = {
		{ "c:send('a\\0b', 2)", SCRIPT_REQ_SEND, "a\0b", 0, 2000 },
		{ "c:read()", SCRIPT_REQ_READ, NULL, 65536, 0 },
		{ "c:read(10, 0.5)", SCRIPT_REQ_READ, NULL, 10, 500 },
		{ "c:readline()", SCRIPT_REQ_READLINE, NULL, 8192, 0 },
		{ "c:readline(0.0001)", SCRIPT_REQ_READLINE, NULL, 8192, 1 },
		{ "c:close()", SCRIPT_REQ_CLOSE, NULL, 0, 0 },
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		struct script_answer a = { .reason = HEALTH_OK, .conn = 5 };
		struct script_request req;
		struct health_result r;
		struct script *s;
		struct script_run *run;
		char body[128];

		snprintf(body, sizeof body, "local c = net.connect('192.0.2.1', 1) %s", list[i].call);
		first_request(body, &s, &run);
		ck_assert_int_eq(script_resume(run, &a, &req, &r), SCRIPT_YIELDED);
		ck_assert_int_eq(req.type, list[i].type);
		ck_assert_int_eq(req.conn, 5);
		ck_assert_uint_eq(req.max, list[i].max);
		ck_assert_uint_eq(req.timeout_ms, list[i].timeout_ms);
		if (list[i].data != NULL)
			ck_assert(req.len == 3 && memcmp(req.data, list[i].data, 3) == 0);
		drop(s, run);
	}
}
END_TEST

START_TEST(http_builds_a_whole_request)
{
	struct script *s;
	struct script_run *run;
	struct script_request r = first_request(
		"http.request(target, { port = 8080, method = 'PUT', path = '/p', host = 'h.example', body = 'abc', "
		"max_body = 9, timeout = 3, headers = { ['X-Y'] = 'z w', N = 7 } })",
		&s, &run);

	ck_assert_int_eq(r.type, SCRIPT_REQ_HTTP);
	ck_assert_uint_eq(r.http.addr.port, 8080);
	ck_assert_str_eq(r.http.method, "PUT");
	ck_assert_str_eq(r.http.path, "/p");
	ck_assert_str_eq(r.http.host, "h.example");
	ck_assert(r.http.body_len == 3 && memcmp(r.http.body, "abc", 3) == 0);
	ck_assert_uint_eq(r.http.max_body, 9);
	ck_assert_uint_eq(r.timeout_ms, 3000);
	ck_assert_ptr_nonnull(strstr(r.http.headers, "X-Y: z w\r\n"));
	ck_assert_ptr_nonnull(strstr(r.http.headers, "N: 7\r\n"));
	ck_assert_uint_eq(strlen(r.http.headers), 16);
	drop(s, run);
	r = first_request("http.get(target)", &s, &run);
	ck_assert_uint_eq(r.http.addr.port, 80);
	ck_assert_str_eq(r.http.method, "GET");
	ck_assert_str_eq(r.http.path, "/");
	ck_assert_str_eq(r.http.host, "www.example.test");
	ck_assert_str_eq(r.http.headers, "");
	ck_assert_uint_eq(r.http.max_body, 16384);
	drop(s, run);
	r = first_request("http.get('192.0.2.9')", &s, &run);
	ck_assert_str_eq(r.http.host, "192.0.2.9");
	drop(s, run);
}
END_TEST

static const struct turn ok_200[] = { { .type = SCRIPT_REQ_HTTP, .data = "body", .status = 200,
					.headers = "content-type: text/plain\nset-cookie: a\nset-cookie: b\n" },
				      { .type = SCRIPT_REQ_NONE } };
static const struct turn busy_503[] = { { .type = SCRIPT_REQ_HTTP, .data = "", .status = 503 },
					{ .type = SCRIPT_REQ_NONE } };

static const struct expectation {
	const char *expect;
	const struct turn *talk;
	enum health_reason reason;
} expectations[] = {
	{ "200", ok_200, HEALTH_OK },
	{ "'200'", ok_200, HEALTH_OK },
	{ "'2xx'", ok_200, HEALTH_OK },
	{ "'503,2xx'", ok_200, HEALTH_OK },
	{ "'4xx,503'", busy_503, HEALTH_OK },
	{ "503", busy_503, HEALTH_OK },
	{ "200", busy_503, HEALTH_HTTP_STATUS },
	{ "'2xx'", busy_503, HEALTH_HTTP_STATUS },
	{ "'5xx'", ok_200, HEALTH_HTTP_STATUS },
	{ "nil", busy_503, HEALTH_OK },
	{ "'2XX'", NULL, HEALTH_SCRIPT_ERROR },
	{ "''", NULL, HEALTH_SCRIPT_ERROR },
	{ "'200,'", NULL, HEALTH_SCRIPT_ERROR },
	{ "20", NULL, HEALTH_SCRIPT_ERROR },
	{ "2000", NULL, HEALTH_SCRIPT_ERROR },
	{ "{}", NULL, HEALTH_SCRIPT_ERROR },
	{ "'200 201'", NULL, HEALTH_SCRIPT_ERROR },
	{ "'ok'", NULL, HEALTH_SCRIPT_ERROR },
};

START_TEST(http_expects_a_status)
{
	const struct expectation *e = &expectations[_i];
	struct health_result r;
	char body[128];

	snprintf(body, sizeof body, "http.get(target, { expect = %s }) return true", e->expect);
	r = help_body(body, e->talk);
	ck_assert_msg(r.reason == e->reason, "%s: %s (%s)", e->expect, health_reason_text(r.reason), r.detail);
}
END_TEST

START_TEST(http_answers_with_a_table)
{
	struct health_result r = help_body(
		"local a = http.get(target) return true, table.concat({ a.status, a.body, a.headers['content-type'], "
		"a.headers['set-cookie'], tostring(a.headers.none) }, '/')",
		ok_200);

	ck_assert_str_eq(r.detail, "200/body/text/plain/a, b/nil");
}
END_TEST

static const struct refused { const char *body, *detail;
} refusals[] = {
	{ "net.connect('192.0.2.1')", "number expected" },
	{ "net.connect('192.0.2.1', 0)", "a port is 1 to 65535" },
	{ "net.connect('192.0.2.1', 65536)", "a port is 1 to 65535" },
	{ "net.connect('example.test', 1)", "not an IP address" },
	{ "net.connect('192.0.2.1:80', 1)", "not an IP address" },
	{ "net.connect('192.0.2.1\\0', 1)", "not an IP address" },
	{ "net.connect('192.0.2.1', 1, 5)", "table expected" },
	{ "net.connect('192.0.2.1', 1, { tls = 'yes' })", "tls must be true, false or a table" },
	{ "net.connect('192.0.2.1', 1, { timeout = 0 })", "a timeout is" },
	{ "net.connect('192.0.2.1', 1, { timeout = -1 })", "a timeout is" },
	{ "net.connect('192.0.2.1', 1, { timeout = 0/0 })", "a timeout is" },
	{ "sleep()", "value expected" },
	{ "sleep(1e9)", "a timeout is" },
	{ "net.connect('192.0.2.1', 1, { tsl = true })", "net.connect has no option \"tsl\"" },
	{ "net.connect('192.0.2.1', 1, { tls = { verfy = false } })", "tls has no option \"verfy\"" },
	{ "net.connect('192.0.2.1', 1, { tls = { verify = 'no' } })", "verify must be true or false" },
	{ "net.connect('192.0.2.1', 1, { tls = { name = 'a b' } })", "a host name or an address" },
	{ "net.connect('192.0.2.1', 1, { tls = { name = ('x'):rep(256) } })", "1 to 255 octets" },
	{ "net.connect('192.0.2.1', 1, { tls = { alpn = 'h2,,x' } })", "a list of protocols" },
	{ "net.connect('192.0.2.1', 1, { tls = { alpn = ('x'):rep(256) } })", "1 to 255 octets" },
	{ "net.connect('192.0.2.1', 1, { tls = { alpn = { 'h2,x' } } })", "must name protocols" },
	{ "net.connect('192.0.2.1', 1, { tls = { alpn = { 7 } } })", "a list of strings" },
	{ "net.connect('192.0.2.1', 1, { tls = { ca = 7 } })", "ca must be a string" },
	{ "net.connect('192.0.2.1', 1, { tls = { key = 'x' } })", "key without cert" },
	{ "tls.info(target, { verify = true })", "tls.info has no option \"verify\"" },
	{ "http.get(target, { redirects = 11 })", "redirects must be an integer from 0 to 10" },
	{ "net.udp('192.0.2.1', 0)", "a port is" },
	{ "tls.info({})", "string expected" },
	{ "http.get(target, { tls = 'yes' })", "tls must be true, false or a table" },
	{ "http.get(target, { https = true })", "http has no option \"https\"" },
	{ "http.get(target, { path = 'x' })", "path must begin" },
	{ "http.get(target, { path = '/a b' })", "path must have" },
	{ "http.get(target, { path = '/\\r\\nX: y' })", "path must have" },
	{ "http.get(target, { path = '/\\0' })", "path must have" },
	{ "http.get(target, { path = ('/'):rep(3000) })", "path must have" },
	{ "http.get(target, { path = 5 })", "path must be a string" },
	{ "http.get(target, { host = 'a\\nb' })", "host must have" },
	{ "http.get(target, { host = '' })", "host must have" },
	{ "http.request(target, { method = 'G T' })", "method must" },
	{ "http.request(target, { method = 'G(T' })", "method must be a word" },
	{ "http.get(target, { port = 'x' })", "port must be an integer" },
	{ "http.get(target, { port = 1.5 })", "port must be an integer" },
	{ "http.get(target, { port = 0 })", "port must be an integer" },
	{ "http.get(target, { max_body = -1 })", "max_body must be" },
	{ "http.get(target, { max_body = 1 << 30 })", "max_body must be" },
	{ "http.get(target, { headers = 1 })", "headers must be a table" },
	{ "http.get(target, { headers = { 'x' } })", "headers must be a table" },
	{ "http.get(target, { headers = { x = {} } })", "headers must be a table" },
	{ "http.get(target, { headers = { ['a b'] = 'c' } })", "octets that do not belong" },
	{ "http.get(target, { headers = { [''] = 'c' } })", "octets that do not belong" },
	{ "http.get(target, { headers = { a = 'b\\r\\nc: d' } })", "octets that do not belong" },
	{ "http.get(target, { headers = { a = 'b\\0' } })", "octets that do not belong" },
	{ "http.get(target, { headers = { HOST = 'x' } })", "not the script's to set" },
	{ "http.get(target, { headers = { ['content-length'] = '5' } })", "not the script's to set" },
	{ "local h = {} for i = 1, 65 do h['x' .. i] = 'y' end http.get(target, { headers = h })", "too many headers" },
	{ "http.get(target, { headers = { x = ('y'):rep(9000) } })", "too many headers" },
	{ "http.request(target, { body = ('y'):rep(70000) })", "body too long" },
	{ "http.get(5)", "table expected" },
	{ "http.get({ address = 'x' })", "not an IP address" },
	{ "http.get('x')", "not an IP address" },
};

/* ---- redirects: what is asked for next ---- */

struct hop { int status; const char *location; };

static const struct journey {
	const char *options;
	struct hop hops[4];
	const char *want; /* the last request: "METHOD scheme name host:port path headers body" */
} journeys[] = {
	{ "{}", { { 302, "/x" } }, "GET plain - www.example.test:80 / '' ''" },
	{ "{ redirects = 1 }", { { 302, "/x" }, { 302, "/y" } }, "GET plain - www.example.test:80 /x '' ''" },
	{ "{ redirects = 2 }", { { 302, "/x" }, { 308, "y" }, { 200, NULL } }, "GET plain - www.example.test:80 /y '' ''" },
	{ "{ redirects = 2 }", { { 302, NULL } }, "GET plain - www.example.test:80 / '' ''" },
	{ "{ redirects = 2 }", { { 300, "/x" } }, "GET plain - www.example.test:80 / '' ''" },
	{ "{ redirects = 2 }", { { 301, "https://b.example.test/z" }, { 200, NULL } },
	  "GET tls b.example.test b.example.test:443 /z '' ''" },
	{ "{ redirects = 1, method = 'POST', body = 'hi' }", { { 302, "/x" }, { 200, NULL } },
	  "GET plain - www.example.test:80 /x '' ''" },
	{ "{ redirects = 1, method = 'POST', body = 'hi' }", { { 307, "/x" }, { 200, NULL } },
	  "POST plain - www.example.test:80 /x '' 'hi'" },
	{ "{ redirects = 1, method = 'PUT', body = 'hi' }", { { 303, "/x" }, { 200, NULL } },
	  "GET plain - www.example.test:80 /x '' ''" },
	{ "{ redirects = 1, method = 'HEAD' }", { { 303, "/x" }, { 200, NULL } }, "HEAD plain - www.example.test:80 /x '' ''" },
	{ "{ redirects = 1, headers = { Cookie = 'a' } }", { { 302, "/x" }, { 200, NULL } },
	  "GET plain - www.example.test:80 /x 'Cookie: a\r\n' ''" },
	{ "{ redirects = 1, headers = { Cookie = 'a', authorization = 'b', X = 'c' } }",
	  { { 302, "http://b.example.test/x" }, { 200, NULL } }, "GET plain - b.example.test:80 /x 'X: c\r\n' ''" },
	{ "{ redirects = 1, port = 8080 }", { { 302, "//b.example.test:81/x" }, { 200, NULL } },
	  "GET plain - b.example.test:81:81 /x '' ''" },
	{ "{ redirects = 1, tls = { name = 'c.example.test', verify = false } }", { { 302, "/x" }, { 200, NULL } },
	  "GET tls c.example.test www.example.test:443 /x '' ''" },
	{ "{ redirects = 1, tls = { name = 'c.example.test' } }", { { 302, "//d.example.test/" }, { 200, NULL } },
	  "GET tls d.example.test d.example.test:443 / '' ''" },
};

START_TEST(redirects_are_followed_as_asked)
{
	const struct journey *j = &journeys[_i];
	struct script_target t = help_target();
	struct script_run *run = NULL;
	struct script_request req;
	struct health_result result = { .reason = HEALTH_REASON_NONE };
	char *text = NULL, last[512] = "", headers[128];
	struct script *s;
	int status;

	ck_assert_int_gt(asprintf(&text, "return function (target) return true, http.request(target, %s).status end", j->options), 0);
	s = help_script(text, NULL);
	status = script_start(s, &run, &t, NULL, 0, &req, &result);
	for (const struct hop *h = j->hops; status == SCRIPT_YIELDED; h++) {
		struct script_answer a = { .reason = HEALTH_OK, .status = h->status, .headers = headers };
		const struct script_http *q = &req.http;

		ck_assert_msg(h->status != 0, "%s: one request too many", j->options);
		snprintf(headers, sizeof headers, h->location != NULL ? "x: y\nlocation: %s\n" : "x: y\n", h->location);
		snprintf(last, sizeof last, "%s %s %s %s:%u %s '%s' '%.*s'", q->method, req.tls.on ? "tls" : "plain",
			 req.tls.on ? req.tls.name : "-", q->host, q->addr.port, q->path, q->headers, (int)q->body_len,
			 q->body_len > 0 ? q->body : "");
		ck_assert_mem_eq(q->addr.ip, t.addr.ip, sizeof t.addr.ip); /* never another address */
		status = script_resume(run, &a, &req, &result);
	}
	ck_assert_msg(result.reason == HEALTH_OK, "%s: %s", j->options, result.detail);
	ck_assert_str_eq(last, j->want);
	script_run_free(run);
	script_free(s);
	free(text);
}
END_TEST

START_TEST(nonsense_is_refused_as_a_bug)
{
	struct health_result r = help_body(refusals[_i].body, NULL);

	ck_assert_msg(r.reason == HEALTH_SCRIPT_ERROR && strstr(r.detail, refusals[_i].detail) != NULL, "%s: %s (%s)",
		      refusals[_i].body, health_reason_text(r.reason), r.detail);
}
END_TEST

/* ---- connections ---- */

START_TEST(closed_connections_are_not_used)
{
	static const struct turn talk[] = { { .type = SCRIPT_REQ_CONNECT },
					    { .type = SCRIPT_REQ_CLOSE },
					    { .type = SCRIPT_REQ_NONE } };
	struct health_result r = help_body("local c = net.connect('192.0.2.1', 1) c:close() c:close() c:read()", talk);

	ck_assert_int_eq(r.reason, HEALTH_SCRIPT_ERROR);
	ck_assert_ptr_nonnull(strstr(r.detail, "this connection is closed"));
}
END_TEST

START_TEST(to_be_closed_connections_close)
{
	static const struct turn talk[] = { { .type = SCRIPT_REQ_CONNECT },
					    { .type = SCRIPT_REQ_CLOSE },
					    { .type = SCRIPT_REQ_SLEEP },
					    { .type = SCRIPT_REQ_NONE } };

	ck_assert_int_eq(
		help_body("do local c <close> = net.connect('192.0.2.1', 1) end sleep(1) return true", talk).reason,
		HEALTH_OK);
	ck_assert_int_eq(help_body("pcall(function () local c <close> = net.connect('192.0.2.1', 1) error('x') end) "
				   "sleep(1) return true",
				   talk)
				 .reason,
			 HEALTH_OK);
}
END_TEST

START_TEST(a_connection_belongs_to_its_run)
{
	static const struct turn first[] = { { .type = SCRIPT_REQ_CONNECT }, { .type = SCRIPT_REQ_NONE } };
	struct script *s = help_script(
		"local kept return function () if kept then kept:read() end kept = net.connect('192.0.2.1', 1) "
		"return true end",
		NULL);
	struct health_result r;

	ck_assert_int_eq(help_run_script(s, NULL, 0, first).reason, HEALTH_OK);
	r = help_run_script(s, NULL, 0, NULL);
	ck_assert_int_eq(r.reason, HEALTH_SCRIPT_ERROR);
	ck_assert_ptr_nonnull(strstr(r.detail, "belongs to another run"));
	script_free(s);
}
END_TEST

START_TEST(connections_cannot_be_tampered_with)
{
	static const char *const bodies[] = {
		"net.connect('192.0.2.1', 1).read = nil", "getmetatable(net.connect('192.0.2.1', 1)).__index = nil",
		"setmetatable(net.connect('192.0.2.1', 1), {})", "net.connect('192.0.2.1', 1).read({})",
		"net.connect('192.0.2.1', 1).read(log)",
	};
	static const struct turn talk[] = { { .type = SCRIPT_REQ_CONNECT }, { .type = SCRIPT_REQ_NONE } };

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		ck_assert_msg(help_body(bodies[i], talk).reason == HEALTH_SCRIPT_ERROR, "%s", bodies[i]);
}
END_TEST

START_TEST(waiting_works_through_pcall_metamethods_and_iterators)
{
	static const struct turn talk[] = { { .type = SCRIPT_REQ_SLEEP },
					    { .type = SCRIPT_REQ_SLEEP },
					    { .type = SCRIPT_REQ_SLEEP },
					    { .type = SCRIPT_REQ_SLEEP },
					    { .type = SCRIPT_REQ_NONE } };
	struct health_result r;

	help_waited_ms = 0;
	r = help_body(
		"local ok, a, b = pcall(function (x) sleep(1) return x, 2 end, 1) assert(ok and a == 1 and b == 2) "
		"local t = setmetatable({}, { __index = function (t, k) sleep(2) return k end }) assert(t.x == 'x') "
		"for v in function (_, n) if not n then sleep(3) return 1 end end do end "
		"local ok, e = xpcall(function () sleep(4) error('e', 0) end, function (m) return m .. '!' end) "
		"return not ok and e == 'e!'",
		talk);
	ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
	ck_assert_uint_eq(help_waited_ms, 10000);
}
END_TEST

START_TEST(log_is_printable_and_bounded)
{
	help_body("log('a', 1, nil, true, 'b\\nc\\0d\\27[31m') return true", NULL);
	ck_assert_str_eq(help_log, "check.lua:1: a 1 nil true b | c?d?[31m\n");
	help_body("log(('x'):rep(100000)) return true", NULL);
	ck_assert_uint_lt(strlen(help_log), 1100);
	help_log[0] = '\0';
	help_body("for i = 1, 1000 do log('line') end return true", NULL);
	ck_assert_uint_eq(strlen(help_log), 100 * strlen("check.lua:1: line\n"));
}
END_TEST

/* What scripts do daily must work, limits or not. */
START_TEST(the_library_is_all_there)
{
	struct health_result r = help_body(
		"assert(('x'):rep(3, ',') == 'x,x,x' and ('ab'):upper() == 'AB' and ('ab'):reverse() == 'ba' and "
		"#'abc' == 3) "
		"assert(('%5.2f|%s|%q'):format(1.5, 'a', 'b') == ' 1.50|a|\"b\"') assert(('abc'):byte(-1) == 99 and "
		"string.char(65, 66) == 'AB') "
		"assert(select('#', ('abc'):byte(1, -1)) == 3 and select('#', ('abc'):byte(10)) == 0 and "
		"('abc'):sub(2) == 'bc') "
		"local t = { 3, 1, 2 } table.sort(t) assert(table.concat(t, ',') == '1,2,3') table.sort(t, function "
		"(a, b) return a > b end) "
		"assert(t[1] == 3) table.insert(t, 9) table.insert(t, 1, 8) assert(table.remove(t) == 9 and "
		"table.remove(t, 1) == 8 and #t == 3) "
		"assert(table.remove({}) == nil and select('#', table.unpack(t)) == 3 and table.pack(1, nil).n == 2) "
		"assert(table.concat(table.move({ 1, 2 }, 1, 2, 2), '') == '112') assert(utf8.char(228) == '\\u{e4}' "
		"and utf8.len('\\u{e4}x') == 2) "
		"for p, c in utf8.codes('x') do assert(c == 120) end assert(math.floor(1.5) == 1 and math.type(1) == "
		"'integer') "
		"assert(tonumber('0x10') == 16 and tonumber('z', 36) == 35 and tostring(nil) == 'nil' and type(next) "
		"== 'function') "
		"assert(string.unpack('>I2', string.pack('>I2', 513)) == 513) for k, v in pairs({ a = 1 }) do assert(k "
		"== 'a') end "
		"for i, v in ipairs({ 5 }) do assert(i == 1 and v == 5) end assert(getmetatable(setmetatable({}, { "
		"__metatable = 1 })) == 1) "
		"return true",
		NULL);

	ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
}
END_TEST

/* ---- the bundled checks ---- */

static struct script *bundled(const char *name)
{
	const char *dir = getenv("srcdir");
	char path[512];
	static char text[65536];
	FILE *f;
	size_t len;
	struct script *s;

	snprintf(path, sizeof path, "%s/lua/%s.lua", dir != NULL ? dir : "..", name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	len = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[len] = '\0';
	s = help_script(text, NULL);
	ck_assert_msg(s != NULL, "%s", help_log);
	return s;
}

static struct script_arg arg_integer(const char *name, int64_t v)
{
	return (struct script_arg){ .name = name, .type = SCRIPT_ARG_INTEGER, .integer = v };
}

static struct script_arg arg_string(const char *name, const char *v)
{
	return (struct script_arg){ .name = name, .type = SCRIPT_ARG_STRING, .string = v };
}

START_TEST(bundled_tcp)
{
	static const struct turn plain[] = { { .type = SCRIPT_REQ_CONNECT },
					     { .type = SCRIPT_REQ_CLOSE },
					     { .type = SCRIPT_REQ_NONE } };
	static const struct turn talk[] = { { .type = SCRIPT_REQ_CONNECT },
					    { .type = SCRIPT_REQ_SEND },
					    { .type = SCRIPT_REQ_READ, .data = "+PO" },
					    { .type = SCRIPT_REQ_READ, .data = "NG\r\n" },
					    { .type = SCRIPT_REQ_CLOSE },
					    { .type = SCRIPT_REQ_NONE } };
	static const struct turn wrong[] = { { .type = SCRIPT_REQ_CONNECT },
					     { .type = SCRIPT_REQ_SEND },
					     { .type = SCRIPT_REQ_READ, .data = "-ERR" },
					     { .type = SCRIPT_REQ_READ, .failure = HEALTH_READ_CLOSED },
					     { .type = SCRIPT_REQ_NONE } };
	static const struct turn silent[] = { { .type = SCRIPT_REQ_CONNECT },
					      { .type = SCRIPT_REQ_SEND },
					      { .type = SCRIPT_REQ_READ, .failure = HEALTH_READ_TIMEOUT },
					      { .type = SCRIPT_REQ_NONE } };
	static const struct turn refused[] = { { .type = SCRIPT_REQ_CONNECT, .failure = HEALTH_CONNECT_REFUSED },
					       { .type = SCRIPT_REQ_NONE } };
	struct script_arg args[] = { arg_string("expect", "+PONG"), arg_integer("port", 6379),
				     arg_string("send", "PING\r\n") };
	struct script *s = bundled("tcp");
	struct health_result r;

	ck_assert_int_eq(help_run_script(s, &args[1], 1, plain).reason, HEALTH_OK);
	r = help_run_script(s, args, 3, talk);
	ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
	r = help_run_script(s, args, 3, wrong);
	ck_assert_msg(r.reason == HEALTH_REPLY_WRONG, "%s", r.detail);
	ck_assert_int_eq(help_run_script(s, args, 3, silent).reason, HEALTH_READ_TIMEOUT);
	ck_assert_int_eq(help_run_script(s, args, 3, refused).reason, HEALTH_CONNECT_REFUSED);
	script_free(s);
}
END_TEST

START_TEST(bundled_http)
{
	static const struct turn refused[] = { { .type = SCRIPT_REQ_HTTP, .failure = HEALTH_CONNECT_REFUSED },
					       { .type = SCRIPT_REQ_NONE } };
	struct script_arg args[] = { arg_integer("expect", 503), arg_integer("port", 8080) };
	struct script_arg contains[] = { arg_string("contains", "bod") },
			  missing[] = { arg_string("contains", "none") };
	struct script *s = bundled("http");
	struct health_result r = help_run_script(s, NULL, 0, ok_200);

	ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
	ck_assert_str_eq(r.detail, "HTTP 200");
	ck_assert_int_eq(help_run_script(s, NULL, 0, busy_503).reason, HEALTH_HTTP_STATUS);
	ck_assert_int_eq(help_run_script(s, args, 2, busy_503).reason, HEALTH_OK);
	ck_assert_int_eq(help_run_script(s, contains, 1, ok_200).reason, HEALTH_OK);
	ck_assert_int_eq(help_run_script(s, missing, 1, ok_200).reason, HEALTH_REPLY_WRONG);
	ck_assert_int_eq(help_run_script(s, NULL, 0, refused).reason, HEALTH_CONNECT_REFUSED);
	script_free(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script API");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, connect_asks_for_an_address);
	tcase_add_test(tc, send_and_read_carry_their_sizes);
	tcase_add_test(tc, http_builds_a_whole_request);
	tcase_add_loop_test(tc, http_expects_a_status, 0, (int)(sizeof expectations / sizeof *expectations));
	tcase_add_test(tc, http_answers_with_a_table);
	tcase_add_loop_test(tc, redirects_are_followed_as_asked, 0, (int)(sizeof journeys / sizeof *journeys));
	tcase_add_loop_test(tc, nonsense_is_refused_as_a_bug, 0, (int)(sizeof refusals / sizeof *refusals));
	tcase_add_test(tc, closed_connections_are_not_used);
	tcase_add_test(tc, to_be_closed_connections_close);
	tcase_add_test(tc, a_connection_belongs_to_its_run);
	tcase_add_test(tc, connections_cannot_be_tampered_with);
	tcase_add_test(tc, waiting_works_through_pcall_metamethods_and_iterators);
	tcase_add_test(tc, log_is_printable_and_bounded);
	tcase_add_test(tc, the_library_is_all_there);
	tcase_add_test(tc, bundled_tcp);
	tcase_add_test(tc, bundled_http);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
