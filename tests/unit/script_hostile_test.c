/* Scripts that try to stay, to grow or to get out: each is ended within its budgets, and says "unknown", never
 * "down". */
#include <time.h>
#include "script_help.h"

#define HARMLESS ((enum health_reason)HEALTH_REASON_MAX) /* must only end */

static const struct hostile {
	const char *body;
	enum health_reason reason; /* NONE = any of the unknown ones */
} hostiles[] = {
	/* loops */
	{ "while true do end", HEALTH_SCRIPT_BUDGET },
	{ "repeat until false", HEALTH_SCRIPT_BUDGET },
	{ "::again:: goto again", HEALTH_SCRIPT_BUDGET },
	{ "for i = 1, math.maxinteger do end", HEALTH_SCRIPT_BUDGET },
	{ "local function f() return f() end f()", HEALTH_SCRIPT_BUDGET },
	/* swallowing the error */
	{ "while true do pcall(function () while true do end end) end", HEALTH_SCRIPT_BUDGET },
	{ "while true do pcall(pcall, pcall, function () while true do end end) end", HEALTH_SCRIPT_BUDGET },
	{ "local function f() pcall(f) while true do end end f()", HEALTH_SCRIPT_BUDGET },
	{ "while true do xpcall(function () while true do end end, function () while true do end end) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local function h() while true do xpcall(error, h) end end while true do xpcall(error, h) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "pcall(function () while true do end end) return true", HEALTH_SCRIPT_BUDGET },
	{ "pcall(function () while true do end end) error('down')", HEALTH_SCRIPT_BUDGET },
	{ "while true do pcall(error) end", HEALTH_SCRIPT_BUDGET },
	{ "while true do pcall(error, { }) end", HEALTH_SCRIPT_BUDGET },
	{ "xpcall(function () local x <close> = setmetatable({}, { __close = function () while true do end end }) "
	  "error('x') end, "
	  "function () while true do end end) return true",
	  HEALTH_SCRIPT_BUDGET },
	/* memory */
	{ "local t = {} while true do t[#t + 1] = {} end", HEALTH_SCRIPT_MEMORY },
	{ "local s = 'x' while true do s = s .. s end", HEALTH_SCRIPT_MEMORY },
	{ "local t = {} while true do pcall(function () while true do t[#t + 1] = {} end end) end",
	  HEALTH_SCRIPT_MEMORY },
	{ "local s = 'x' while true do pcall(function () while true do s = s .. s end end) end", HEALTH_SCRIPT_MEMORY },
	{ "local t = {} pcall(function () while true do t[#t + 1] = {} end end) return true", HEALTH_SCRIPT_MEMORY },
	{ "local s = ('x'):rep(200000) local t = {} for i = 1, 100 do t[i] = s .. i end", HEALTH_SCRIPT_MEMORY },
	{ "local s = ('x'):rep(200000) local t = {} for i = 1, 50 do t[i] = s end return #table.concat(t)",
	  HEALTH_SCRIPT_MEMORY },
	{ "while true do target.state[#target.state + 1] = ('x'):rep(1000) .. #target.state end",
	  HEALTH_SCRIPT_MEMORY },
	{ "local function f(...) return f(1, ...) end f()", HEALTH_REASON_NONE },
	{ "local function f() return 1 + f() end f()", HEALTH_SCRIPT_MEMORY },
	{ "while true do local s <close> = setmetatable({}, { __close = function () local t = {} while true do t[#t + "
	  "1] = {} end end }) end",
	  HEALTH_SCRIPT_MEMORY },
	/* library functions that work in C */
	{ "string.rep('x', 1 << 40)", HEALTH_SCRIPT_ERROR },
	{ "string.rep('x', math.maxinteger)", HEALTH_SCRIPT_ERROR },
	{ "string.rep('', 1 << 40)", HEALTH_SCRIPT_ERROR },
	{ "string.rep('', 1000, ('x'):rep(1000))", HEALTH_SCRIPT_ERROR },
	{ "while true do pcall(string.rep, 'x', 1 << 40) end", HEALTH_SCRIPT_BUDGET },
	{ "while true do ('x'):rep(250000) end", HEALTH_SCRIPT_BUDGET },
	{ "table.unpack({}, 1, 1 << 30)", HEALTH_SCRIPT_ERROR },
	{ "table.unpack({}, math.mininteger, math.maxinteger)", HEALTH_SCRIPT_ERROR },
	{ "table.unpack(setmetatable({}, { __len = function () return 1 << 30 end }))", HEALTH_SCRIPT_ERROR },
	{ "table.concat(setmetatable({}, { __len = function () return 1 << 30 end, __index = type }))",
	  HEALTH_SCRIPT_ERROR },
	{ "local n = 0 table.concat(setmetatable({}, { __len = function () n = n + 1 return n > 1 and 1 << 30 or 1 "
	  "end, __index = type }))",
	  HEALTH_SCRIPT_ERROR },
	{ "table.move({}, 1, 1 << 40, 2)", HEALTH_SCRIPT_ERROR },
	{ "table.insert(setmetatable({}, { __len = function () return 1 << 40 end }), 1, 1)", HEALTH_SCRIPT_ERROR },
	{ "table.remove(setmetatable({}, { __len = function () return 1 << 40 end }), 1)", HEALTH_SCRIPT_ERROR },
	{ "string.format('%99999d', 1)", HEALTH_SCRIPT_ERROR },
	{ "string.format(('%d'):rep(1000))", HEALTH_SCRIPT_ERROR },
	{ "string.pack('c99999999999999999999', '')", HEALTH_SCRIPT_ERROR },
	{ "string.byte(('x'):rep(100000), 1, -1)", HEALTH_SCRIPT_ERROR },
	{ "utf8.codepoint(('x'):rep(100000), 1, -1)", HEALTH_SCRIPT_ERROR },
	{ "tonumber(('1'):rep(100000))", HEALTH_SCRIPT_ERROR },
	{ "local s = ('1'):rep(200000) while true do local x = s + 1 end", HEALTH_SCRIPT_ERROR },
	{ "local s = ('1'):rep(200000) while true do local x = s | 1 end", HEALTH_REASON_NONE },
	{ "local s = ('x'):rep(250000) while true do s:upper() end", HEALTH_SCRIPT_BUDGET },
	/* patterns */
	{ "('a'):rep(2000):find(('.-'):rep(100) .. 'b')", HEALTH_SCRIPT_ERROR },
	{ "('a'):rep(200000):find('.-.-.-.-b')", HEALTH_SCRIPT_ERROR },
	{ "while true do pcall(string.find, ('a'):rep(5000), '.-.-.-.-b') end", HEALTH_SCRIPT_BUDGET },
	{ "('x'):rep(200000):gsub('.', '%0%0%0%0%0%0%0%0%0')", HEALTH_REASON_NONE },
	{ "('x'):rep(200000):gsub('', ('y'):rep(1000))", HEALTH_REASON_NONE },
	{ "for w in ('x'):rep(200000):gmatch('.-') do end", HEALTH_REASON_NONE },
	{ "('x'):gsub('x', function () while true do end end)", HEALTH_SCRIPT_BUDGET },
	{ "('('):rep(200000):find('%b()')", HEALTH_SCRIPT_ERROR },
	{ "('x'):find(('x'):rep(100000))", HARMLESS }, /* plain: fine */
	/* sorting */
	{ "local t = {} for i = 1, 60000 do t[i] = i * 7919 % 60013 end while true do table.sort(t) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function () while true do end end)",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = {} for i = 1, 1000 do t[i] = i end while true do pcall(table.sort, t, function () return true "
	  "end) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "table.sort(setmetatable({}, { __len = function () return 1 << 30 end, __index = type }))",
	  HEALTH_SCRIPT_ERROR },
	{ "local n = 0 table.sort(setmetatable({}, { __len = function () n = n + 1 return n > 1 and 1 << 30 or 2 end, "
	  "__index = "
	  "function () return 1 end, __newindex = type }), rawequal or math.ult)",
	  HEALTH_REASON_NONE },
	{ "local t = {} for i = 1, 1000 do t[i] = 'x' .. i end while true do pcall(table.sort, t, select) end",
	  HEALTH_SCRIPT_BUDGET },
	/* metamethods */
	{ "local t = setmetatable({}, {}) getmetatable(t).__index = t local x = t.x", HEALTH_SCRIPT_ERROR },
	{ "local t = setmetatable({}, { __index = function (t, k) return t[k .. 'x'] end }) local x = t.x",
	  HEALTH_REASON_NONE },
	{ "local a = {} for i = 1, 1900 do a = setmetatable({}, { __index = a }) end while true do local x = a.x end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = setmetatable({}, { __tostring = function () while true do end end }) tostring(t)",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = setmetatable({}, { __tostring = function () while true do end end }) while true do pcall(log, t) "
	  "end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = setmetatable({}, { __eq = function () while true do end end }) return t == setmetatable({}, "
	  "getmetatable(t))",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = setmetatable({}, { __concat = function () while true do end end }) return t .. t",
	  HEALTH_SCRIPT_BUDGET },
	{ "for k in pairs(setmetatable({}, { __pairs = function () while true do end end })) do end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local x <close> = setmetatable({}, { __close = function () while true do end end }) return true",
	  HEALTH_SCRIPT_BUDGET },
	{ "local x <close> = setmetatable({}, { __close = function () while true do pcall(error) end end }) while true "
	  "do end",
	  HEALTH_SCRIPT_BUDGET },
	{ "setmetatable({}, { __gc = function () while true do end end })", HEALTH_SCRIPT_ERROR },
	{ "setmetatable({}, { __mode = 'k' })", HEALTH_SCRIPT_ERROR },
	{ "local m = {} local t = setmetatable({}, m) m.__gc = function () while true do end end setmetatable(t, m)",
	  HEALTH_SCRIPT_ERROR },
	/* a metatable is read when it is set: nothing that is refused comes in later */
	{ "local m = {} local t = setmetatable({}, m) m.__mode = 'k' m.__gc = error for i = 1, 200 do t[{}] = ('x'):rep(100) .. i end "
	  "local junk for i = 1, 30000 do junk = { i } end local n = 0 for k in next, t do n = n + 1 end return n == 200",
	  HEALTH_OK },
	{ "local m = {} local t = setmetatable({}, m) getmetatable(t).__index = function () while true do end end return t.x == nil",
	  HEALTH_OK },
	{ "local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) return a.x", HEALTH_SCRIPT_ERROR },
	{ "local a, b = {}, {} setmetatable(a, { __newindex = b }) setmetatable(b, { __newindex = a }) a.x = 1", HEALTH_SCRIPT_ERROR },
	{ "local t = setmetatable({}, { __metatable = 'mine' }) setmetatable(t, {})", HEALTH_SCRIPT_ERROR },
	{ "local t = setmetatable({}, { __metatable = false }) setmetatable(t, nil)", HEALTH_SCRIPT_ERROR },
	{ "while true do setmetatable({}, { __index = type }) end", HEALTH_SCRIPT_BUDGET },
	{ "local t = {} while true do t[#t + 1] = setmetatable({}, { __index = t }) end", HEALTH_SCRIPT_MEMORY },
	/* metamethods that library functions call */
	{ "table.sort({ 3, 2, 1, setmetatable({}, { __lt = function () while true do end end }) })", HEALTH_SCRIPT_BUDGET },
	{ "local m = { __lt = function () return true end } local t = {} for i = 1, 500 do t[i] = setmetatable({}, m) end "
	  "while true do pcall(table.sort, t) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "local t = setmetatable({}, { __len = function () return 10 end, __index = function () while true do end end }) "
	  "table.concat(t)",
	  HEALTH_SCRIPT_BUDGET },
	{ "table.insert(setmetatable({}, { __newindex = function () while true do end end }), 1)", HEALTH_SCRIPT_BUDGET },
	{ "table.move({ 1, 2, 3 }, 1, 3, 1, setmetatable({}, { __newindex = function () while true do end end }))", HEALTH_SCRIPT_BUDGET },
	{ "table.unpack(setmetatable({}, { __len = function () while true do end end }))", HEALTH_SCRIPT_BUDGET },
	{ "for i, v in ipairs(setmetatable({}, { __index = function () return 1 end })) do end", HEALTH_SCRIPT_BUDGET },
	{ "('x'):gsub('x', setmetatable({}, { __index = function () while true do end end }))", HEALTH_SCRIPT_BUDGET },
	{ "('x'):rep(setmetatable({}, { __len = error }))", HEALTH_SCRIPT_ERROR },
	{ "string.format('%s', setmetatable({}, { __tostring = function () while true do end end }))", HEALTH_SCRIPT_BUDGET },
	{ "string.format('%s', setmetatable({}, { __tostring = function () return 1 end }))", HEALTH_SCRIPT_ERROR },
	{ "local s = ('x'):rep(200000) local t = setmetatable({}, { __tostring = function () return s end }) "
	  "while true do string.format('%s%s%s%s%s%s%s%s', t, t, t, t, t, t, t, t) end",
	  HEALTH_REASON_NONE },
	{ "local s = ('x'):rep(200000) local t = setmetatable({}, { __name = s }) while true do pcall(tostring, t) end", HEALTH_SCRIPT_BUDGET },
	{ "error(setmetatable({}, { __tostring = function () while true do end end }))", HARMLESS }, /* nobody asks it */
	{ "return false, setmetatable({}, { __tostring = function () while true do end end })", HARMLESS },
	{ "assert(false, setmetatable({}, { __tostring = error, __index = error, __concat = error }))", HARMLESS },
	{ "return pcall(error, setmetatable({}, { __eq = function () while true do end end })), 'x'", HARMLESS },
	/* numbers and strings */
	{ "for i = 1.0, math.huge do end", HEALTH_SCRIPT_BUDGET },
	{ "for i = 1, 10, 0 do end", HEALTH_SCRIPT_ERROR },
	{ "return 1 // 0", HEALTH_SCRIPT_ERROR },
	{ "return math.mininteger // -1 == math.mininteger and math.mininteger % -1 == 0", HEALTH_OK },
	{ "return '10' + 1", HEALTH_SCRIPT_ERROR }, /* strings have no arithmetic here */
	{ "return #tostring(-1.7976931348623157e308) < 40 and tonumber('1e99999') == math.huge", HEALTH_OK },
	{ "string.format('%.99999f', 1)", HEALTH_SCRIPT_ERROR },
	{ "string.format('%.99f', -1.7976931348623157e308)", HARMLESS },
	{ "while true do string.format(('%.99f'):rep(200), table.unpack((function () local t = {} for i = 1, 200 do t[i] = 1e308 end "
	  "return t end)())) end",
	  HEALTH_SCRIPT_BUDGET },
	{ "string.format('%q', ('\\0'):rep(250000))", HEALTH_SCRIPT_ERROR },
	{ "string.format('\\0%q', ('\\0'):rep(250000))", HEALTH_SCRIPT_ERROR },
	{ "local q = setmetatable({}, { __index = string }) return #q.format('%-5s%q', 'a', ('\\0'):rep(1000))  == 2007", HEALTH_OK },
	{ "while true do string.format('%q', ('\\0'):rep(30000)) end", HEALTH_SCRIPT_BUDGET },
	{ "string.char(table.unpack({}, 1, 100000))", HEALTH_SCRIPT_ERROR },
	{ "string.unpack(('s8'):rep(500), ('x'):rep(100))", HEALTH_SCRIPT_ERROR },
	{ "string.unpack('s8', '\\255\\255\\255\\255\\255\\255\\255\\127')", HEALTH_SCRIPT_ERROR },
	{ "string.pack(('!16 Xi16 '):rep(100) .. 'i16', 1)", HARMLESS },
	{ "string.unpack('z', ('x'):rep(250000))", HEALTH_SCRIPT_ERROR },
	{ "utf8.char(table.unpack({}, 1, 1 << 20))", HEALTH_SCRIPT_ERROR },
	{ "while true do utf8.len(('x'):rep(250000)) end", HEALTH_SCRIPT_BUDGET },
	{ "for _, c in utf8.codes(('x'):rep(250000)) do for _ in utf8.codes(('x'):rep(250000)) do end end", HEALTH_SCRIPT_BUDGET },
	{ "local s = ('\\128'):rep(250000) while true do pcall(utf8.offset, s, -1) end", HEALTH_SCRIPT_BUDGET },
	{ "select(-1, table.unpack({}, 1, 1000000))", HEALTH_SCRIPT_ERROR },
	{ "math.random(math.mininteger, math.maxinteger)", HARMLESS },
	{ "while true do json.encode(('x'):rep(60000)) end", HEALTH_SCRIPT_BUDGET },
	{ "json.decode(('['):rep(100000))", HARMLESS },
	{ "while true do pcall(json.decode, '[' .. ('1,'):rep(20000) .. '1]') end", HEALTH_SCRIPT_BUDGET },
	{ "local t = {} t[1] = t json.encode(t)", HARMLESS },
	{ "json.encode(setmetatable({}, { __pairs = function () while true do end end, __len = function () return 1 << 40 end, "
	  "__index = function () return 1 end }))",
	  HARMLESS },
	{ "local t = json.decode('{\"__gc\":1,\"__mode\":\"k\"}') setmetatable({}, t)", HEALTH_SCRIPT_ERROR },
	/* __close at the end of all */
	{ "local x <close> = setmetatable({}, { __close = function () sleep(1) end }) while true do end", HEALTH_SCRIPT_BUDGET },
	{ "local function nest(n) local x <close> = setmetatable({}, { __close = function () while true do end end }) "
	  "if n > 0 then nest(n - 1) end end nest(150)",
	  HEALTH_SCRIPT_BUDGET },
	{ "local function f() local x <close> = setmetatable({}, { __close = function () f() end }) error('x') end f()",
	  HARMLESS }, /* its own word: down */
	/* ways out */
	{ "getmetatable('').__index.rep = nil", HEALTH_SCRIPT_ERROR },
	{ "return getmetatable('') == false and getmetatable(string) == false and getmetatable(_ENV) == false", HEALTH_OK },
	{ "return getmetatable(net) == false and getmetatable(http) == false and getmetatable(json) == false", HEALTH_OK },
	{ "local _ENV = setmetatable({}, { __index = function () while true do end end }) x()", HEALTH_SCRIPT_BUDGET },
	{ "local _ENV = {} string.rep('x', 1)", HEALTH_SCRIPT_ERROR },
	{ "return _G == nil and require == nil and package == nil and dofile == nil and rawset == nil and rawget == nil", HEALTH_OK },
	{ "for k in next, string do return false end for k in next, _ENV do return false end return true", HEALTH_OK },
	{ "string.x = 1", HEALTH_SCRIPT_ERROR },
	{ "table.move({ 1 }, 1, 1, 1, string)", HEALTH_SCRIPT_ERROR },
	{ "table.insert(table, 'x')", HEALTH_SCRIPT_ERROR },
	{ "http.get = nil", HEALTH_SCRIPT_ERROR },
	/* floods */
	{ "while true do log(('x'):rep(60000)) end", HEALTH_SCRIPT_BUDGET },
	{ "for i = 1, 1000 do log(i) end return true", HEALTH_OK },
	/* errors in error handlers */
	{ "return xpcall(error, function () error('again') end), 'x'", HARMLESS },
	{ "local function h() return h() + 1 end return xpcall(error, h), 'x'", HEALTH_REASON_NONE },
	/* what is not there */
	{ "coroutine.wrap(function () end)()", HEALTH_SCRIPT_ERROR },
	{ "collectgarbage('stop')", HEALTH_SCRIPT_ERROR },
	{ "io.open('x')", HEALTH_SCRIPT_ERROR },
	{ "os.execute('x')", HEALTH_SCRIPT_ERROR },
	{ "debug.sethook()", HEALTH_SCRIPT_ERROR },
	{ "rawset(string, 'x', 1)", HEALTH_SCRIPT_ERROR },
	{ "load('return 1')()", HEALTH_SCRIPT_ERROR },
	{ "string.dump(function () end)", HEALTH_SCRIPT_ERROR },
	{ "math.randomseed(1)", HEALTH_SCRIPT_ERROR },
	{ "print('x')", HEALTH_SCRIPT_ERROR },
	/* tampering */
	{ "string.find = nil", HEALTH_SCRIPT_ERROR },
	{ "table.insert(string, 1)", HEALTH_SCRIPT_ERROR },
	{ "table.insert(_ENV, 1)", HEALTH_SCRIPT_ERROR },
	{ "net.connect = function () end", HEALTH_SCRIPT_ERROR },
	{ "getmetatable('').__index = nil", HEALTH_SCRIPT_ERROR },
	{ "setmetatable(string, {})", HEALTH_SCRIPT_ERROR },
	{ "setmetatable(_ENV, {})", HEALTH_SCRIPT_ERROR },
	{ "_ENV.pcall = nil", HEALTH_SCRIPT_ERROR },
	{ "table.sort({ 2, 1 }, net.connect)", HEALTH_SCRIPT_ERROR },
	{ "table.sort({ 2, 1 }, function () sleep(1) end)", HEALTH_SCRIPT_ERROR },
	{ "('x'):gsub('x', function () net.connect('192.0.2.1', 1) end)", HEALTH_SCRIPT_ERROR },
};

START_TEST(hostile_scripts_end)
{
	const struct hostile *h = &hostiles[_i];
	struct health_result r = help_body(h->body, NULL);

	if (h->reason == HARMLESS) /* harmless, must only end */
		ck_assert_int_ne(r.reason, HEALTH_REASON_NONE);
	else if (h->reason == HEALTH_REASON_NONE)
		ck_assert_msg(health_reason_outcome(r.reason) != HEALTH_FAIL, "%s: %s (%s)", h->body,
			      health_reason_text(r.reason), r.detail);
	else
		ck_assert_msg(r.reason == h->reason, "%s: %s (%s)", h->body, health_reason_text(r.reason), r.detail);
}
END_TEST

/* Whatever a run did, the next one with the same state is right, and within a bound of its own: a tenth of the usual
 * budget of instructions, where nothing of what went before may count. */
START_TEST(the_next_run_is_right)
{
	static const char proof[] =
		"local m = {} local t = setmetatable({ 3, 1, 2 }, m) table.sort(t) "
		"assert(getmetatable(t) == m and table.concat(t, ',') == '1,2,3' and ('a-b'):gsub('%-', '+') == 'a+b') "
		"assert(string.format('%5.1f|%q', 2.25, 'x') == '  2.2|\"x\"' and json.decode('[1]')[1] == 1) "
		"assert(select('#', pcall(error, 'x')) == 2 and tostring(nil) == 'nil' and leaked == nil) "
		"local n = 0 for i = 1, 1000 do n = n + i end return n == 500500";
	const struct hostile *h = &hostiles[_i];
	struct script_limits lim = script_limits_default;
	struct health_result r;
	struct script *s;
	char *text = NULL;

	lim.instructions /= 10;
	ck_assert_int_gt(asprintf(&text, "local again = false local function first(target, args) %s end "
				  "return function (target, args) if not again then again = true return first(target, args) end %s end",
				  h->body, proof), 0);
	s = help_script(text, &lim);
	free(text);
	ck_assert_msg(s != NULL, "%s", help_log);
	(void)help_run_script(s, NULL, 0, NULL);
	for (int i = 0; i < 3; i++) {
		r = help_run_script(s, NULL, 0, NULL);
		/* A state that is full of what a run kept is given up by its owner; unknown until then. */
		ck_assert_msg(r.reason == HEALTH_OK || (script_is_spoiled(s) && r.reason == HEALTH_SCRIPT_MEMORY), "after %s: %s (%s)",
			      h->body, health_reason_text(r.reason), r.detail);
		ck_assert_uint_le(help_slices, 100);
	}
	script_free(s);
}
END_TEST

/* ---- slices ---- */

#ifdef __SANITIZE_ADDRESS__
#define RUNS_MAX 1 /* where nothing is held against the bound */
#else
#define RUNS_MAX 20
#endif

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The longest step of one run. */
static uint64_t longest_step_us(const char *body)
{
	struct script_target t = help_target();
	struct script_run *run = NULL;
	struct script_request req;
	struct health_result r;
	char *text = NULL;
	struct script *s;
	uint64_t began, took, longest = 0;
	int status;

	ck_assert_int_gt(asprintf(&text, "return function (target, args) %s end", body), 0);
	s = help_script(text, NULL);
	free(text);
	began = cpu_us();
	status = script_start(s, &run, &t, NULL, 0, &req, &r);
	for (;;) {
		took = cpu_us() - began;
		longest = took > longest ? took : longest;
		if (status != SCRIPT_YIELDED || req.type != SCRIPT_REQ_SLICE)
			break;
		began = cpu_us();
		status = script_resume(run, NULL, &req, &r);
	}
	script_free(s);
	return longest;
}

/* Between two calls a script has the processor for its slice; where it cannot yield, for its hard slices. CPU time,
 * so that neighbours do not count; twice the bound, since one instruction may be dear. What the kernel and other machines on this
 * one take in between counts as ours, but not in each run: the least of several is the script's. The longest is told. */
START_TEST(no_step_takes_longer_than_its_slices)
{
	uint64_t bound = 2 * 4 * script_limits_default.slice_us, most = 0;
	const char *worst = "";

	for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) {
		uint64_t worst_one = UINT64_MAX;

		for (int n = 0; n < RUNS_MAX && worst_one > bound; n++) {
			const uint64_t took = longest_step_us(hostiles[i].body);
			worst_one = took < worst_one ? took : worst_one;
		}
		worst = worst_one > most ? hostiles[i].body : worst;
		most = worst_one > most ? worst_one : most;
		if (getenv("SCRIPT_TIMES") != NULL)
			fprintf(stderr, "%6llu us %s\n", (unsigned long long)worst_one, hostiles[i].body);
	}
	printf("longest step: %llu us of CPU, by: %s\n", (unsigned long long)most, worst);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_le(most, bound);
#else
	(void)bound;
#endif
}
END_TEST

/* Slices end a stretch, not the run: a long but honest computation comes to its result. */
START_TEST(an_honest_computation_is_cut_and_goes_on)
{
	struct script_limits lim = script_limits_default;
	struct script *s;
	struct health_result r;

	lim.slice_us = 50;
	s = help_script("return function () local n = 0 for i = 1, 300000 do n = n + i % 7 end "
			"local ok, m = pcall(function () local k = 0 for i = 1, 100000 do k = k + 1 end return k end) "
			"return ok and m == 100000 and n > 0 and 50 or 0 end", &lim);
	r = help_run_script(s, NULL, 0, NULL);
	ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
	ck_assert_uint_gt(help_slices, 2);
	ck_assert(!script_is_spoiled(s));
	script_free(s);
}
END_TEST

/* ---- what one run leaves behind ---- */

START_TEST(a_spoiled_state_says_so_and_still_works)
{
	struct script *s = help_script(
		"return function (t) t.state.n = (t.state.n or 0) + 1 if t.state.n == 2 then while true do end end "
		"return true end",
		NULL);

	ck_assert_int_eq(help_run_script(s, NULL, 0, NULL).reason, HEALTH_OK);
	ck_assert(!script_is_spoiled(s));
	ck_assert_int_eq(help_run_script(s, NULL, 0, NULL).reason, HEALTH_SCRIPT_BUDGET);
	ck_assert(script_is_spoiled(s));
	ck_assert_int_eq(help_run_script(s, NULL, 0, NULL).reason, HEALTH_OK);
	script_free(s);
}
END_TEST

START_TEST(one_run_out_of_memory_lets_others_end)
{
	static const struct turn nothing = { .type = SCRIPT_REQ_NONE };
	struct script *s = help_script(
		"local keep = {} return function (t) if t.address == '192.0.2.1' then sleep(1) return true end "
		"local mine = {} while true do mine[#mine + 1] = {} end end",
		NULL);
	struct script_target good = help_target(), bad = help_target();
	struct script_run *a, *b;
	struct script_request req;
	struct script_answer answer = { .reason = HEALTH_OK };
	struct health_result r;
	int status;

	(void)nothing;
	bad.addr.ip[3] = 2;
	ck_assert_int_eq(script_start(s, &a, &good, NULL, 0, &req, &r), SCRIPT_YIELDED);
	ck_assert_int_eq(req.type, SCRIPT_REQ_SLEEP);
	status = script_start(s, &b, &bad, NULL, 0, &req, &r);
	while (status == SCRIPT_YIELDED)
		status = script_resume(b, NULL, &req, &r);
	ck_assert_int_eq(r.reason, HEALTH_SCRIPT_MEMORY);
	script_run_free(b);
	ck_assert_int_eq(script_resume(a, &answer, &req, &r), SCRIPT_DONE);
	ck_assert_int_eq(r.reason, HEALTH_OK);
	script_run_free(a);
	script_free(s);
}
END_TEST

START_TEST(runs_do_not_see_each_other)
{
	struct script *s = help_script(
		"helper = function () return 1 end return function (t, a) assert(t.mark == nil and a.mark == nil) "
		"t.mark, a.mark = 1, 1 pcall(function () leaked = 1 end) assert(leaked == nil) return helper() end",
		NULL);

	ck_assert_msg(s != NULL, "%s", help_log);
	for (int i = 0; i < 3; i++) {
		struct health_result r = help_run_script(s, NULL, 0, NULL);

		ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
	}
	script_free(s);
}
END_TEST

START_TEST(freeing_early_runs_nothing)
{
	struct script *s = help_script(
		"return function () local x <close> = setmetatable({}, { __close = function () log('closed') end }) "
		"sleep(1) end",
		NULL);
	struct script_target t = help_target();
	struct script_run *run;
	struct script_request req;
	struct health_result r;

	ck_assert_int_eq(script_start(s, &run, &t, NULL, 0, &req, &r), SCRIPT_YIELDED);
	script_run_free(run);
	ck_assert_int_eq(script_start(s, &run, &t, NULL, 0, &req, &r), SCRIPT_YIELDED);
	script_free(s); /* with a run in it */
	ck_assert_str_eq(help_log, "");
}
END_TEST

/* A million runs on one state must not fill it: what a run leaves is garbage. */
START_TEST(runs_leave_no_memory)
{
	struct script *s = help_script("return function (t) local x = {} for i = 1, 50 do x[i] = ('y'):rep(100) .. i "
				       "end sleep(1) return true end",
				       NULL);
	static const struct turn talk[] = { { .type = SCRIPT_REQ_SLEEP }, { .type = SCRIPT_REQ_NONE } };

	for (int i = 0; i < 3000; i++)
		ck_assert_int_eq(help_run_script(s, NULL, 0, talk).reason, HEALTH_OK);
	ck_assert(!script_is_spoiled(s));
	script_free(s);
}
END_TEST

/* At each memory cap from too small to ample: no crash, and nothing but unknown or ok. */
START_TEST(any_memory_cap_is_survived)
{
	for (size_t memory = 20000; memory < 120000; memory += 700) {
		struct script_limits lim = script_limits_default;
		struct script_target t = help_target();
		struct script_run *run;
		struct script_request req;
		struct health_result r;
		struct script *s;
		int status;

		lim.memory = memory;
		s = help_script("return function (t) local ok, e = pcall(string.rep, 'x', 1000) local x = {} for i = "
				"1, 100 do x[i] = i .. 'y' end "
				"t.state.x = x return true, ('z'):rep(50) end",
				&lim);
		if (s == NULL)
			continue;
		status = script_start(s, &run, &t, NULL, 0, &req, &r);
		if (status != ERR_NOMEM) {
			ck_assert_int_eq(status, SCRIPT_DONE);
			ck_assert(r.reason == HEALTH_OK || r.reason == HEALTH_SCRIPT_MEMORY);
			script_run_free(run);
		} else {
			ck_assert(script_is_spoiled(s));
		}
		script_free(s);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script hostile");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, hostile_scripts_end, 0, (int)(sizeof hostiles / sizeof *hostiles));
	tcase_add_loop_test(tc, the_next_run_is_right, 0, (int)(sizeof hostiles / sizeof *hostiles));
	tcase_add_test(tc, no_step_takes_longer_than_its_slices);
	tcase_add_test(tc, an_honest_computation_is_cut_and_goes_on);
	tcase_add_test(tc, a_spoiled_state_says_so_and_still_works);
	tcase_add_test(tc, one_run_out_of_memory_lets_others_end);
	tcase_add_test(tc, runs_do_not_see_each_other);
	tcase_add_test(tc, freeing_early_runs_nothing);
	tcase_add_test(tc, runs_leave_no_memory);
	tcase_add_test(tc, any_memory_cap_is_survived);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
