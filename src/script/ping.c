/* ping: ICMP echoes.
 *
 *     local p = ping(target.address, { count = 3, timeout = 0.5 })
 *     return p.received == p.sent, ("%.1f ms"):format(p.rtt * 1000)
 *
 *     count    echoes, one after the other; 1, at most 10        size  octets of payload, 16 to 1400; 56
 *     timeout  seconds for each of them; 1
 *
 *     p.sent  p.received  p.rtt  p.min  p.max     seconds; rtt is their mean
 *
 * Without any answer it raises "read timeout". An answer counts only with the 16 random octets that its echo carried.
 */
#include "script/internal.h"

#define COUNT_MAX 10
#define SIZE_MIN 16
#define SIZE_DEFAULT 56
#define SIZE_MAX_LEN 1400 /* one packet on any link */
#define TIMEOUT_DEFAULT_MS 1000

enum { PING_ADDR = 1, PING_COUNT, PING_SIZE, PING_TIMEOUT, PING_SENT, PING_RECEIVED, PING_SUM, PING_MIN, PING_MAX, PING_TOP = PING_MAX };

static lua_Integer option_integer(lua_State *L, const char *name, lua_Integer fallback, lua_Integer min, lua_Integer max)
{
	lua_Integer v = fallback;

	if (lua_istable(L, 2) && lua_getfield(L, 2, name) != LUA_TNIL)
		v = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : min - 1;
	if (v < min || v > max)
		luaL_error(L, "%s must be an integer from %d to %d", name, (int)min, (int)max);
	lua_settop(L, 2);
	return v;
}

static lua_Integer get(lua_State *L, int index)
{
	return lua_tointeger(L, index);
}

static void set(lua_State *L, int index, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_replace(L, index);
}

static int push_result(lua_State *L)
{
	lua_Integer received = get(L, PING_RECEIVED);

	lua_createtable(L, 0, 5);
	lua_pushinteger(L, get(L, PING_SENT));
	lua_setfield(L, -2, "sent");
	lua_pushinteger(L, received);
	lua_setfield(L, -2, "received");
	lua_pushnumber(L, (lua_Number)get(L, PING_SUM) / (lua_Number)received / 1e6);
	lua_setfield(L, -2, "rtt");
	lua_pushnumber(L, (lua_Number)get(L, PING_MIN) / 1e6);
	lua_setfield(L, -2, "min");
	lua_pushnumber(L, (lua_Number)get(L, PING_MAX) / 1e6);
	lua_setfield(L, -2, "max");
	return 1;
}

static int echo(lua_State *L);

/* A lost echo is not the end while others are to come; any other failure is. */
static int echo_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = script_run_of(L)->answer;
	lua_Integer sent = get(L, PING_SENT) + 1;

	(void)status;
	(void)ctx;
	lua_settop(L, PING_TOP);
	set(L, PING_SENT, sent);
	if (a->reason != HEALTH_READ_TIMEOUT) {
		lua_Integer rtt = api_answer(L)->took_us;

		script_run_of(L)->heard = true;
		set(L, PING_RECEIVED, get(L, PING_RECEIVED) + 1);
		set(L, PING_SUM, get(L, PING_SUM) + rtt);
		set(L, PING_MIN, get(L, PING_RECEIVED) == 1 || rtt < get(L, PING_MIN) ? rtt : get(L, PING_MIN));
		set(L, PING_MAX, rtt > get(L, PING_MAX) ? rtt : get(L, PING_MAX));
	}
	if (sent < get(L, PING_COUNT))
		return echo(L);
	if (get(L, PING_RECEIVED) == 0)
		api_answer(L); /* raises */
	return push_result(L);
}

static int echo(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_PING };

	api_check_addr(L, PING_ADDR, &req.addr);
	req.max = (size_t)get(L, PING_SIZE);
	req.timeout_ms = (uint32_t)get(L, PING_TIMEOUT);
	return api_wait(L, &req, echo_done);
}

static int ping(lua_State *L)
{
	static const char *const known[] = { "count", "size", "timeout", NULL };
	struct addr addr;
	lua_Integer count, size;
	uint32_t timeout_ms = 0;

	lua_settop(L, 2);
	api_check_addr(L, 1, &addr);
	if (!lua_isnil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		api_check_keys(L, 2, "ping", known);
		lua_getfield(L, 2, "timeout");
		timeout_ms = api_check_timeout(L, 3);
	}
	count = option_integer(L, "count", 1, 1, COUNT_MAX);
	size = option_integer(L, "size", SIZE_DEFAULT, SIZE_MIN, SIZE_MAX_LEN);
	lua_settop(L, 1);
	lua_pushinteger(L, count);
	lua_pushinteger(L, size);
	lua_pushinteger(L, timeout_ms != 0 ? timeout_ms : TIMEOUT_DEFAULT_MS);
	for (int i = PING_SENT; i <= PING_TOP; i++)
		lua_pushinteger(L, 0);
	return echo(L);
}

void ping_open(lua_State *L, int lib)
{
	lua_pushcfunction(L, ping);
	lua_setfield(L, lib, "ping");
}
