/* json: text to values and back (RFC 8259), each bounded in depth, octets and number of values, and charged.
 *
 *     json.decode('{"state":"up","load":[0.5,null]}')   → { state = "up", load = { 0.5, json.null } }
 *     json.encode({ "a", 1, true, json.null })          → '["a",1,true,null]'
 *
 * The grammar is taken at its word: no comment, no comma too many, no number such as 01 or .5, no control character or
 * broken UTF-8 within a string, no half of a surrogate pair. Of two members with one name the later counts. A number
 * without fraction and exponent that fits is an integer. An empty table is written as {}.
 *
 * Text that is not JSON is what a target said: decode raises as the script's own error would, so it means "down".
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "script/internal.h"

#define DEPTH_MAX 64
#define VALUES_MAX 16384 /* of one text: about 2 ms of work */
#define NUMBER_LEN_MAX 128
#define VALUE_WORK 8     /* instructions that a value is charged as */

struct reader {
	lua_State *L;
	const char *text, *at, *end;
	unsigned values, depth;
};

/* ---- decode ---- */

static void refuse(struct reader *r, const char *what)
{
	char text[HEALTH_DETAIL_MAX];

	snprintf(text, sizeof text, "not JSON: %s at octet %zu", what, (size_t)(r->at - r->text) + 1);
	fail_say(r->L, text);
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The next octet without taking it; NUL at the end, which no rule of the grammar takes. */
static char peek(const struct reader *r)
{
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static size_t digits(struct reader *r)
{
	const char *from = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return (size_t)(r->at - from);
}

/* RFC 8259 6. */
static void read_number(struct reader *r)
{
	char copy[NUMBER_LEN_MAX + 1];
	const char *from = r->at;
	size_t len;

	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (digits(r) == 0)
		refuse(r, "no value");
	if (peek(r) == '.') {
		r->at++;
		if (digits(r) == 0)
			refuse(r, "a number without digits after its point");
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (digits(r) == 0)
			refuse(r, "a number without digits in its exponent");
	}
	len = (size_t)(r->at - from);
	if (len > NUMBER_LEN_MAX)
		refuse(r, "a number too long");
	memcpy(copy, from, len);
	copy[len] = '\0';
	if (lua_stringtonumber(r->L, copy) == 0 || !isfinite(lua_tonumber(r->L, -1)))
		refuse(r, "a number too large");
}

static uint32_t read_hex4(struct reader *r)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = peek(r);

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			refuse(r, "no four hexadecimal digits");
		r->at++;
	}
	return v;
}

static size_t utf8_put(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* After the backslash. */
static void read_escape(struct reader *r, luaL_Buffer *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *plain = peek(r) != '\0' ? strchr(from, peek(r)) : NULL;
	uint32_t c, low;
	char out[4];

	if (plain != NULL) {
		luaL_addchar(b, to[plain - from]);
		r->at++;
		return;
	}
	if (peek(r) != 'u')
		refuse(r, "an unknown escape");
	r->at++;
	c = read_hex4(r);
	if (c >= 0xd800 && c < 0xe000) { /* RFC 8259 7: a pair of them is one character, a single one is none */
		low = 0;
		if (c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
			r->at += 2;
			low = read_hex4(r);
		}
		if (low < 0xdc00 || low >= 0xe000)
			refuse(r, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
	}
	luaL_addlstring(b, out, utf8_put(out, c));
}

/* Octets of the UTF-8 character at p (RFC 3629 4), or 0. */
static size_t utf8_len(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (n == 0 || (size_t)(end - p) < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* After the opening quote. */
static void read_string(struct reader *r)
{
	luaL_Buffer b;

	luaL_buffinit(r->L, &b);
	while (peek(r) != '"') {
		size_t n;

		if (r->at == r->end)
			refuse(r, "a string without its end");
		if ((unsigned char)*r->at < 0x20)
			refuse(r, "a control character");
		if (*r->at == '\\') {
			r->at++;
			read_escape(r, &b);
			continue;
		}
		n = utf8_len(r->at, r->end);
		if (n == 0)
			refuse(r, "broken UTF-8");
		luaL_addlstring(&b, r->at, n);
		r->at += n;
	}
	r->at++;
	luaL_pushresult(&b);
}

static void read_value(struct reader *r);

/* After the opening brace. */
static void read_object(struct reader *r)
{
	lua_newtable(r->L);
	if (take(r, '}'))
		return;
	do {
		if (!take(r, '"'))
			refuse(r, "no name of a member");
		read_string(r);
		if (!take(r, ':'))
			refuse(r, "no colon after a name");
		read_value(r);
		lua_rawset(r->L, -3);
	} while (take(r, ','));
	if (!take(r, '}'))
		refuse(r, "neither a comma nor the end of the object");
}

static void read_array(struct reader *r)
{
	lua_Integer n = 0;

	lua_newtable(r->L);
	if (take(r, ']'))
		return;
	do {
		read_value(r);
		lua_rawseti(r->L, -2, ++n);
	} while (take(r, ','));
	if (!take(r, ']'))
		refuse(r, "neither a comma nor the end of the array");
}

static bool take_word(struct reader *r, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* Pushes one value. */
static void read_value(struct reader *r)
{
	limits_charge(r->L, VALUE_WORK);
	if (++r->values > VALUES_MAX)
		refuse(r, "too many values");
	if (++r->depth > DEPTH_MAX)
		refuse(r, "nested too deep");
	luaL_checkstack(r->L, 8, "JSON");
	skip_space(r);
	if (take(r, '{'))
		read_object(r);
	else if (take(r, '['))
		read_array(r);
	else if (take(r, '"'))
		read_string(r);
	else if (take_word(r, "true"))
		lua_pushboolean(r->L, 1);
	else if (take_word(r, "false"))
		lua_pushboolean(r->L, 0);
	else if (take_word(r, "null"))
		lua_pushlightuserdata(r->L, NULL);
	else
		read_number(r);
	r->depth--;
}

static int json_decode(lua_State *L)
{
	struct reader r = { .L = L };
	size_t len;

	r.text = r.at = luaL_checklstring(L, 1, &len);
	r.end = r.text + len;
	if (len > SCRIPT_SUBJECT_MAX)
		return luaL_error(L, "too long for JSON (at most %d octets)", (int)SCRIPT_SUBJECT_MAX);
	limits_charge(L, len / 4);
	lua_settop(L, 1);
	read_value(&r);
	skip_space(&r);
	if (r.at != r.end)
		refuse(&r, "something after the value");
	return 1;
}

/* ---- encode ---- */

struct writer {
	lua_State *L;
	struct bytes out;
	unsigned values, depth;
	const char *fault; /* static text; nothing raises while `out` is on the heap */
};

static void put_string(struct writer *w, const char *s, size_t len)
{
	const char *end = s + len;

	bytes_u8(&w->out, '"');
	while (s < end) {
		size_t n = utf8_len(s, end);

		if (n == 0) {
			w->fault = "a string is not UTF-8";
			return;
		}
		if (*s == '"' || *s == '\\')
			bytes_u8(&w->out, '\\');
		if ((unsigned char)*s < 0x20)
			bytes_printf(&w->out, "\\u%04x", (unsigned)*s);
		else
			bytes_add(&w->out, s, n);
		s += n;
	}
	bytes_u8(&w->out, '"');
}

static void put_number(struct writer *w, int index)
{
	char text[40];

	if (lua_isinteger(w->L, index)) {
		bytes_printf(&w->out, "%lld", (long long)lua_tointeger(w->L, index));
		return;
	}
	if (!isfinite(lua_tonumber(w->L, index))) {
		w->fault = "JSON has no infinity and no NaN";
		return;
	}
	snprintf(text, sizeof text, "%.17g", lua_tonumber(w->L, index));
	bytes_printf(&w->out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void put_value(struct writer *w);

/* The table on the top: raw, so that no metamethod of the script's runs. */
static void put_array(struct writer *w, lua_Unsigned n)
{
	lua_Unsigned count = 0;

	for (lua_pushnil(w->L); lua_next(w->L, -2) != 0; lua_pop(w->L, 1))
		count++;
	if (count != n) {
		w->fault = "a table has both a list and names in it";
		return;
	}
	bytes_u8(&w->out, '[');
	for (lua_Unsigned i = 1; i <= n && w->fault == NULL; i++) {
		if (i > 1)
			bytes_u8(&w->out, ',');
		lua_rawgeti(w->L, -1, (lua_Integer)i);
		put_value(w);
		lua_pop(w->L, 1);
	}
	bytes_u8(&w->out, ']');
}

static void put_object(struct writer *w)
{
	bool first = true;

	bytes_u8(&w->out, '{');
	for (lua_pushnil(w->L); lua_next(w->L, -2) != 0; lua_pop(w->L, 1)) {
		size_t len;
		const char *name = lua_type(w->L, -2) == LUA_TSTRING ? lua_tolstring(w->L, -2, &len) : NULL;

		if (name == NULL)
			w->fault = "a name in a table is not a string";
		if (w->fault != NULL)
			return; /* what is on the stack is left to the caller, who raises */
		if (!first)
			bytes_u8(&w->out, ',');
		first = false;
		put_string(w, name, len);
		bytes_u8(&w->out, ':');
		put_value(w);
	}
	bytes_u8(&w->out, '}');
}

/* The value on the top of the stack. */
static void put_value(struct writer *w)
{
	size_t len;
	const char *s;

	if (++w->values > VALUES_MAX)
		w->fault = "too many values";
	else if (++w->depth > DEPTH_MAX)
		w->fault = "nested too deep";
	else if (!lua_checkstack(w->L, 8))
		w->fault = "out of memory";
	if (w->fault != NULL)
		return;
	switch (lua_type(w->L, -1)) {
	case LUA_TSTRING:
		s = lua_tolstring(w->L, -1, &len);
		put_string(w, s, len);
		break;
	case LUA_TNUMBER:
		put_number(w, -1);
		break;
	case LUA_TBOOLEAN:
		bytes_printf(&w->out, "%s", lua_toboolean(w->L, -1) ? "true" : "false");
		break;
	case LUA_TTABLE:
		if (lua_rawlen(w->L, -1) > 0)
			put_array(w, lua_rawlen(w->L, -1));
		else
			put_object(w);
		break;
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(w->L, -1) == NULL) {
			bytes_printf(&w->out, "null");
			break;
		}
		/* fall through */
	default:
		w->fault = "a value is neither string, number, boolean, table nor json.null";
		break;
	}
	w->depth--;
}

/* Protected: what the writer holds on the heap must not be lost to an error of Lua's own. */
static int encode_protected(lua_State *L)
{
	struct writer *w = lua_touserdata(L, 2);

	lua_settop(L, 1);
	w->L = L;
	put_value(w);
	if (w->fault == NULL && w->out.failed)
		w->fault = "the text is too long";
	lua_settop(L, 0);
	if (w->fault == NULL)
		lua_pushlstring(L, (const char *)w->out.data, w->out.len);
	return w->fault == NULL ? 1 : 0;
}

static int json_encode(lua_State *L)
{
	struct writer w = { .fault = NULL };
	uint64_t work;
	int status;

	luaL_checkany(L, 1);
	lua_settop(L, 1);
	lua_pushcfunction(L, encode_protected);
	lua_insert(L, 1);
	lua_pushlightuserdata(L, &w);
	bytes_init(&w.out, SCRIPT_SUBJECT_MAX);
	status = lua_pcall(L, 2, LUA_MULTRET, 0);
	work = VALUE_WORK * (uint64_t)w.values + w.out.len / 4;
	bytes_deinit(&w.out);
	if (status != LUA_OK)
		return lua_error(L);
	limits_charge(L, work);
	if (w.fault != NULL)
		return luaL_error(L, "cannot be written as JSON: %s", w.fault);
	return 1;
}

void json_open(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "decode", json_decode }, { "encode", json_encode }, { NULL, NULL } };

	luaL_newlib(L, list);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	sandbox_seal(L, lib, "json");
}
