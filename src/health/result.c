/* The vocabulary of results and their form between processes. */
#include "health/health.h"

#define TEXT_MAX 24

/* Text by value, not by pointer: the table then needs no relocation and stays in read-only pages. */
static const struct reason {
	uint8_t outcome;
	bool witnessed;
	char text[TEXT_MAX];
} reasons[HEALTH_REASON_MAX] = {
	[HEALTH_REASON_NONE] = { HEALTH_OUTCOME_NONE, false, "none" },
	[HEALTH_OK] = { HEALTH_PASS, true, "ok" },
	[HEALTH_CONNECT_REFUSED] = { HEALTH_FAIL, true, "connect refused" },
	[HEALTH_CONNECT_TIMEOUT] = { HEALTH_FAIL, false, "connect timeout" },
	[HEALTH_CONNECT_RESET] = { HEALTH_FAIL, true, "connect reset" },
	/* A router said so, maybe one next to us. */
	[HEALTH_CONNECT_UNREACHABLE] = { HEALTH_FAIL, false, "unreachable" },
	/* The target took the connection, but our network may have died since. */
	[HEALTH_READ_TIMEOUT] = { HEALTH_FAIL, false, "read timeout" },
	[HEALTH_READ_CLOSED] = { HEALTH_FAIL, true, "connection closed" },
	[HEALTH_READ_RESET] = { HEALTH_FAIL, true, "connection reset" },
	/* A reset or a time-out of the stack: not told apart, so no witness. */
	[HEALTH_WRITE_FAILED] = { HEALTH_FAIL, false, "write failed" },
	[HEALTH_TLS_FAILED] = { HEALTH_FAIL, true, "TLS failed" },
	[HEALTH_HTTP_STATUS] = { HEALTH_FAIL, true, "HTTP status" },
	[HEALTH_HTTP_BROKEN] = { HEALTH_FAIL, true, "HTTP broken" },
	[HEALTH_REPLY_WRONG] = { HEALTH_FAIL, true, "wrong reply" },
	[HEALTH_CHECK_SAID_DOWN] = { HEALTH_FAIL, false, "check said down" },
	[HEALTH_CHECK_TIMEOUT] = { HEALTH_FAIL, false, "check timeout" },
	[HEALTH_SCRIPT_ERROR] = { HEALTH_UNKNOWN_RESULT, false, "script error" },
	[HEALTH_SCRIPT_BUDGET] = { HEALTH_UNKNOWN_RESULT, false, "script over budget" },
	[HEALTH_SCRIPT_MEMORY] = { HEALTH_UNKNOWN_RESULT, false, "script out of memory" },
	[HEALTH_LOCAL_ERROR] = { HEALTH_VOID, false, "local error" },
	[HEALTH_LOCAL_LAG] = { HEALTH_VOID, false, "local lag" },
	[HEALTH_TLS_TIMEOUT] = { HEALTH_FAIL, false, "TLS timeout" },
	[HEALTH_TLS_NAME] = { HEALTH_FAIL, true, "TLS name mismatch" },
	[HEALTH_TLS_EXPIRED] = { HEALTH_FAIL, true, "certificate expired" },
	[HEALTH_TLS_UNTRUSTED] = { HEALTH_FAIL, true, "unknown CA" },
	[HEALTH_CHECK_SAID_UNKNOWN] = { HEALTH_UNKNOWN_RESULT, false, "check said unknown" },
	[HEALTH_CHECK_IMPOSSIBLE] = { HEALTH_UNKNOWN_RESULT, false, "check not possible" },
	[HEALTH_UNWITNESSED] = { HEALTH_VOID, false, "network in doubt" },
};

static const struct reason *reason_get(enum health_reason r)
{
	return &reasons[(unsigned)r < HEALTH_REASON_MAX ? (unsigned)r : HEALTH_REASON_NONE];
}

enum health_outcome health_reason_outcome(enum health_reason r)
{
	return (enum health_outcome)reason_get(r)->outcome;
}

bool health_reason_witnessed(enum health_reason r)
{
	return reason_get(r)->witnessed;
}

bool health_reason_is_timeout(enum health_reason r)
{
	return r == HEALTH_CONNECT_TIMEOUT || r == HEALTH_READ_TIMEOUT || r == HEALTH_TLS_TIMEOUT || r == HEALTH_CHECK_TIMEOUT;
}

const char *health_reason_text(enum health_reason r)
{
	return reason_get(r)->text;
}

const char *health_verdict_text(enum health_verdict v)
{
	static const char text[][TEXT_MAX] = { "unknown", "up", "down" };
	return text[(unsigned)v <= HEALTH_VERDICT_DOWN ? (unsigned)v : HEALTH_VERDICT_UNKNOWN];
}

enum health_outcome health_result_outcome(const struct health_result *r)
{
	enum health_outcome o = health_reason_outcome(r->reason);

	return o == HEALTH_PASS && r->weight_pct == 0 ? HEALTH_FAIL : o;
}

/* C0 and DEL. Octets from 128 up pass: UTF-8 is for the one who shows it to judge. */
static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

void health_result_put(struct wbuf *w, const struct health_result *r)
{
	char clean[HEALTH_DETAIL_MAX];
	size_t len = strnlen(r->detail, sizeof r->detail - 1);

	for (size_t i = 0; i < len; i++)
		clean[i] = is_control((uint8_t)r->detail[i]) ? '?' : r->detail[i];
	put_u8(w, (uint8_t)r->reason);
	put_u8(w, r->weight_pct);
	put_u32(w, r->took_us);
	put_block(w, clean, len);
}

static bool detail_is_clean(const uint8_t *p, size_t len)
{
	if (len >= HEALTH_DETAIL_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (is_control(p[i]))
			return false;
	return true;
}

void health_result_get(struct rbuf *r, struct health_result *out)
{
	struct health_result got;
	size_t len = 0;
	const uint8_t *detail;

	memset(&got, 0, sizeof got);
	got.reason = (enum health_reason)get_u8(r);
	got.weight_pct = get_u8(r);
	got.took_us = get_u32(r);
	detail = get_block(r, &len);
	if (r->failed)
		return;
	if (health_reason_outcome(got.reason) == HEALTH_OUTCOME_NONE || got.weight_pct > 100 ||
	    !detail_is_clean(detail, len)) {
		r->failed = true;
		return;
	}
	if (len > 0)
		memcpy(got.detail, detail, len);
	*out = got;
}
