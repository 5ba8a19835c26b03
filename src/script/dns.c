/* dns: one question to a name server.
 *
 *     local answer = dns.query(target, { name = "example.test", type = "SOA" })
 *     assert(answer.rcode == "NOERROR" and answer.aa and answer.serial >= 2026112101)
 *
 *     where     the target, or an IP address as text
 *     name      default: the target's owner name         type     "A"         class    "IN"
 *     port      default: the port of the member's probe address, else 53
 *     rd        ask for recursion; false                 tcp      not over UDP first; false
 *     edns      octets of an answer that we take over UDP, 512 to 4096; default 1232. false: no EDNS
 *     timeout   seconds; over UDP the question is sent once
 *
 *     answer.rcode  answer.aa .tc .ra .ad   answer.answer, .authority: lists of { name, type, class, ttl, data }
 *     answer.serial: of the first SOA among them
 *
 * An answer over UDP that is cut off is asked for again over TCP. What does not match the question (number, name, type,
 * class; the kernel sees to the address) is not an answer: it is passed over, and the wait goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"
#include "dns/const.h"
#include "script/dnsmsg.h"
#include "script/internal.h"

#define QUERY_LEN_MAX (DNS_HEADER_LEN + NAME_WIRE_MAX + 4 + 11)
#define RECORDS_MAX 256  /* that a script is given of one answer */
#define RECORD_WORK 100  /* instructions that a record is charged as */
#define EDNS_SIZE_MAX 4096

enum { ARG_WHERE = 1, ARG_OPTIONS, ARG_QUERY, ARG_ADDR, ARG_STREAM, ARG_TIMEOUT }; /* the stack of a query that waits */

struct word { const char *name; uint16_t value; };
static const struct word types[] = {
	{ "A", DNS_TYPE_A }, { "NS", DNS_TYPE_NS }, { "CNAME", DNS_TYPE_CNAME }, { "SOA", DNS_TYPE_SOA },
	{ "PTR", DNS_TYPE_PTR }, { "MX", DNS_TYPE_MX }, { "TXT", DNS_TYPE_TXT }, { "AAAA", DNS_TYPE_AAAA },
	{ "SRV", DNS_TYPE_SRV }, { "DNAME", DNS_TYPE_DNAME }, { "DS", DNS_TYPE_DS }, { "RRSIG", DNS_TYPE_RRSIG },
	{ "NSEC", DNS_TYPE_NSEC }, { "DNSKEY", DNS_TYPE_DNSKEY }, { "NSEC3", DNS_TYPE_NSEC3 }, { "SVCB", DNS_TYPE_SVCB },
	{ "HTTPS", DNS_TYPE_HTTPS }, { "ANY", DNS_TYPE_ANY }, { NULL, 0 }
};
static const struct word classes[] = { { "IN", DNS_CLASS_IN }, { "CH", DNS_CLASS_CH }, { NULL, 0 } };
static const struct word rcodes[] = {
	{ "NOERROR", DNS_RCODE_NOERROR }, { "FORMERR", DNS_RCODE_FORMERR }, { "SERVFAIL", DNS_RCODE_SERVFAIL },
	{ "NXDOMAIN", DNS_RCODE_NXDOMAIN }, { "NOTIMP", DNS_RCODE_NOTIMP }, { "REFUSED", DNS_RCODE_REFUSED },
	{ "NOTAUTH", DNS_RCODE_NOTAUTH }, { "BADVERS", DNS_RCODE_BADVERS }, { NULL, 0 }
};

static int word_find(const struct word *list, const char *text)
{
	for (; list->name != NULL; list++)
		if (strcasecmp(list->name, text) == 0)
			return list->value;
	return -1;
}

uint16_t dns_type_parse(const char *text)
{
	int type = word_find(types, text);

	return type > 0 ? (uint16_t)type : 0;
}

const char *dns_type_text(uint16_t type)
{
	for (const struct word *w = types; w->name != NULL; w++)
		if (w->value == type)
			return w->name;
	return "of another type";
}

int dns_rcode_parse(const char *text)
{
	return word_find(rcodes, text);
}

/* "TYPE257" (RFC 3597 5) where the table has no name. */
static void push_word(lua_State *L, const struct word *list, const char *prefix, uint16_t value)
{
	for (; list->name != NULL; list++)
		if (list->value == value) {
			lua_pushstring(L, list->name);
			return;
		}
	lua_pushfstring(L, "%s%d", prefix, value);
}

static uint16_t option_word(lua_State *L, const char *name, const struct word *list, const char *prefix, uint16_t fallback)
{
	const char *text;
	uint64_t number = 0;

	if (lua_getfield(L, ARG_OPTIONS, name) == LUA_TNIL) {
		lua_pop(L, 1);
		return fallback;
	}
	text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	for (const struct word *w = list; w->name != NULL; w++)
		if (strcasecmp(w->name, text) == 0) {
			lua_pop(L, 1);
			return w->value;
		}
	if (strncasecmp(text, prefix, strlen(prefix)) != 0 || text_parse_u64(&number, text + strlen(prefix), 0, 65535) != 0)
		luaL_error(L, "%s must be a name such as \"%s\", or \"%s\" and a number", name, list->name, prefix);
	lua_pop(L, 1);
	return (uint16_t)number;
}

static bool option_true(lua_State *L, const char *name)
{
	bool yes;

	lua_getfield(L, ARG_OPTIONS, name);
	yes = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return yes;
}

/* 0 = without EDNS. */
static uint16_t option_edns(lua_State *L)
{
	lua_Integer size = DNS_UDP_EDNS_MAX;
	int type = lua_getfield(L, ARG_OPTIONS, "edns");

	if (type == LUA_TBOOLEAN)
		size = lua_toboolean(L, -1) ? size : 0;
	else if (type != LUA_TNIL)
		size = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
	if (size != 0 && (size < DNS_UDP_PLAIN_MAX || size > EDNS_SIZE_MAX))
		luaL_error(L, "edns must be an integer from %d to %d, or false", DNS_UDP_PLAIN_MAX, EDNS_SIZE_MAX);
	lua_pop(L, 1);
	return (uint16_t)size;
}

/* ---- the question ---- */

/* Argument 1 and what the options say of the port. */
static void read_where(lua_State *L, struct addr *a)
{
	if (lua_type(L, ARG_WHERE) == LUA_TSTRING) {
		api_check_addr(L, ARG_WHERE, a);
		a->port = 53;
	} else {
		luaL_checktype(L, ARG_WHERE, LUA_TTABLE);
		lua_getfield(L, ARG_WHERE, "address");
		api_check_addr(L, lua_gettop(L), a);
		a->port = 53;
		if (lua_getfield(L, ARG_WHERE, "port") == LUA_TNUMBER)
			a->port = api_check_port(L, lua_gettop(L));
		lua_pop(L, 2);
	}
	if (lua_getfield(L, ARG_OPTIONS, "port") != LUA_TNIL)
		a->port = api_check_port(L, lua_gettop(L));
	lua_pop(L, 1);
}

static void put_name(lua_State *L, struct wbuf *w)
{
	uint8_t name[NAME_WIRE_MAX];
	const char *text;
	size_t len;
	int n;

	if (lua_getfield(L, ARG_OPTIONS, "name") == LUA_TNIL && lua_istable(L, ARG_WHERE)) {
		lua_pop(L, 1);
		lua_getfield(L, ARG_WHERE, "owner");
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "name must be a domain name");
	text = lua_tolstring(L, -1, &len);
	n = len <= NAME_TEXT_MAX ? name_parse(name, text, len, NULL, false) : ERR_LIMIT;
	if (n < 0)
		luaL_error(L, "name is not a domain name");
	put_bytes(w, name, (size_t)n);
	lua_pop(L, 1);
}

/* Pushes the query; its number is the edge's to fill in. */
static void push_query(lua_State *L)
{
	uint8_t room[QUERY_LEN_MAX];
	uint16_t edns = option_edns(L);
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	put_u16(&w, 0);
	put_u16(&w, option_true(L, "rd") ? DNS_FLAG_RD : 0);
	put_u16(&w, 1);
	put_u16(&w, 0);
	put_u16(&w, 0);
	put_u16(&w, edns != 0);
	put_name(L, &w);
	put_u16(&w, option_word(L, "type", types, "TYPE", DNS_TYPE_A));
	put_u16(&w, option_word(L, "class", classes, "CLASS", DNS_CLASS_IN));
	if (edns != 0) { /* RFC 6891 6.1.2: root, OPT, the size, no flags, no options */
		put_u8(&w, 0);
		put_u16(&w, DNS_TYPE_OPT);
		put_u16(&w, edns);
		put_u32(&w, 0);
		put_u16(&w, 0);
	}
	lua_pushlstring(L, (const char *)room, w.len);
}

/* ---- the answer ---- */

static void set_flag(lua_State *L, const char *name, uint16_t flags, uint16_t flag)
{
	lua_pushboolean(L, (flags & flag) != 0);
	lua_setfield(L, -2, name);
}

/* The result table stands at result; the record goes into its list. */
static int take_record(lua_State *L, int result, const struct dnsmsg *m, const struct dnsmsg_record *r)
{
	char text[DNSMSG_TEXT_MAX], name[NAME_TEXT_MAX];
	uint32_t serial;

	if (dnsmsg_text(m, r, text) != 0)
		return ERR_FORMAT;
	limits_charge(L, RECORD_WORK);
	if (r->type == DNS_TYPE_SOA && dnsmsg_serial(m, r, &serial) == 0 && lua_getfield(L, result, "serial") == LUA_TNIL) {
		lua_pushinteger(L, serial);
		lua_setfield(L, result, "serial");
	}
	lua_getfield(L, result, r->section == DNSMSG_ANSWER ? "answer" : "authority");
	lua_createtable(L, 0, 5);
	lua_pushstring(L, name_format(r->name, name));
	lua_setfield(L, -2, "name");
	push_word(L, types, "TYPE", r->type);
	lua_setfield(L, -2, "type");
	push_word(L, classes, "CLASS", r->class);
	lua_setfield(L, -2, "class");
	lua_pushinteger(L, r->ttl_s);
	lua_setfield(L, -2, "ttl");
	lua_pushstring(L, text);
	lua_setfield(L, -2, "data");
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	lua_settop(L, result);
	return 0;
}

/* Pushes the result. The rcode's upper octet stands in the OPT record (RFC 6891 6.1.3). */
static int push_result(lua_State *L, struct dnsmsg *m)
{
	unsigned rcode = m->flags & 15u, records = 0;
	struct dnsmsg_record r;
	int result, more;

	lua_createtable(L, 0, 8);
	result = lua_gettop(L);
	lua_newtable(L);
	lua_setfield(L, result, "answer");
	lua_newtable(L);
	lua_setfield(L, result, "authority");
	while ((more = dnsmsg_next(m, &r)) == 1) {
		if (r.type == DNS_TYPE_OPT && r.section == DNSMSG_ADDITIONAL)
			rcode |= (unsigned)(r.ttl_s >> 24) << 4;
		if (r.section == DNSMSG_ADDITIONAL)
			continue;
		if (++records > RECORDS_MAX || take_record(L, result, m, &r) != 0)
			return ERR_FORMAT;
	}
	if (more != 0)
		return more;
	push_word(L, rcodes, "RCODE", (uint16_t)rcode);
	lua_setfield(L, result, "rcode");
	set_flag(L, "aa", m->flags, DNS_FLAG_AA);
	set_flag(L, "tc", m->flags, DNS_FLAG_TC);
	set_flag(L, "ra", m->flags, 0x0080);
	set_flag(L, "ad", m->flags, 0x0020);
	return 0;
}

static int ask(lua_State *L, bool stream);

static int query_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);
	struct dnsmsg m;

	(void)status;
	(void)ctx;
	script_run_of(L)->heard = true;
	if (dnsmsg_begin(&m, (const uint8_t *)a->data, a->len) != 0)
		return fail_raise(L, HEALTH_REPLY_WRONG, "malformed DNS answer");
	if ((m.flags & DNS_FLAG_TC) && !lua_toboolean(L, ARG_STREAM))
		return ask(L, true);
	if (push_result(L, &m) != 0)
		return fail_raise(L, HEALTH_REPLY_WRONG, "malformed DNS answer");
	return 1;
}

static int ask(lua_State *L, bool stream)
{
	struct script_request req = { .type = SCRIPT_REQ_DNS, .stream = stream };

	lua_settop(L, ARG_TIMEOUT);
	lua_pushboolean(L, stream);
	lua_replace(L, ARG_STREAM);
	memcpy(&req.addr, lua_tostring(L, ARG_ADDR), sizeof req.addr);
	req.data = lua_tolstring(L, ARG_QUERY, &req.len);
	req.timeout_ms = (uint32_t)lua_tointeger(L, ARG_TIMEOUT);
	return api_wait(L, &req, query_done);
}

static int dns_query(lua_State *L)
{
	static const char *const known[] = { "port", "name", "type", "class", "rd", "tcp", "edns", "timeout", NULL };
	struct addr addr;

	lua_settop(L, ARG_OPTIONS);
	if (lua_isnil(L, ARG_OPTIONS)) {
		lua_newtable(L);
		lua_replace(L, ARG_OPTIONS);
	}
	luaL_checktype(L, ARG_OPTIONS, LUA_TTABLE);
	api_check_keys(L, ARG_OPTIONS, "dns.query", known);
	read_where(L, &addr);
	push_query(L);
	lua_pushlstring(L, (const char *)&addr, sizeof addr); /* what the script changes later does not matter then */
	lua_pushboolean(L, 0);
	lua_getfield(L, ARG_OPTIONS, "timeout");
	lua_pushinteger(L, api_check_timeout(L, ARG_TIMEOUT));
	lua_replace(L, ARG_TIMEOUT);
	return ask(L, option_true(L, "tcp"));
}

void dns_open(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "query", dns_query }, { NULL, NULL } };

	luaL_newlib(L, list);
	sandbox_seal(L, lib, "dns");
}
