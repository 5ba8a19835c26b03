/* `log`, `querylog`, `dnstap`: how this node logs, and the switches for it. What is shown is what holds from now on.
 *
 * {"level":"info","form":"text","dropped":0}                                                  dropped: lines, of all processes
 * {"querylog":"on","sample":100,"lines":4711,"lost":0}                                        lost: records, of both
 * {"dnstap":"on","sample":1,"socket":"/run/dnstap.sock","connected":true,"frames":9,"dropped":0,"lost":0}
 *
 * lines, lost, frames, dropped, connected are null until the tap told, and count from its start.
 */
#include "config.h"
#include <string.h>
#include "base/text.h"
#include "ctl/verbs.h"

#ifdef HAVE_DNSTAP
#define HAS_DNSTAP true
#else
#define HAS_DNSTAP false
#endif

/* ---- words ---- */

enum wish { WISH_BAD = 0, WISH_SHOW, WISH_ON, WISH_OFF };

static enum wish wish_of(struct call *c, const char *verb)
{
	const char *word = c->word_count ? c->words[0] : NULL;
	if (!word && !c->option[OPTION_SAMPLE])
		return WISH_SHOW;
	if (word && strcmp(word, "on") == 0)
		return WISH_ON;
	if (word && strcmp(word, "off") == 0 && !c->option[OPTION_SAMPLE] && c->word_count == 1)
		return WISH_OFF;
	if (word && strcmp(word, "off") == 0)
		call_fail(c, CALL_EXIT_USAGE, "%s off takes nothing else", verb);
	else if (word)
		call_fail(c, CALL_EXIT_USAGE, "%s \"%.64s\"; expected on or off", verb, word);
	else
		call_fail(c, CALL_EXIT_USAGE, "--sample goes with %s on", verb);
	return WISH_BAD;
}

/* One query of so many; otherwise: where nothing is said. 0 with the error set. */
static uint32_t sample_of(struct call *c, uint32_t otherwise)
{
	const char *text = c->option[OPTION_SAMPLE];
	uint64_t n = otherwise;
	if (text && text_parse_u64(&n, text, 1, PLAN_SAMPLE_MAX)) {
		call_fail(c, CALL_EXIT_USAGE, "--sample \"%.64s\"; expected a number from 1 (every query) to %u", text, PLAN_SAMPLE_MAX);
		return 0;
	}
	return (uint32_t)n;
}

static bool take_socket(struct call *c)
{
	char *to = c->logging.dnstap_socket;
	if (c->word_count == 2) {
		const char *path = c->words[1];
		if (path[0] != '/' || strlen(path) >= sizeof c->logging.dnstap_socket) {
			call_fail(c, CALL_EXIT_USAGE, "dnstap on \"%.64s\"; expected the absolute path of a socket, of at most %zu octets", path,
				  sizeof c->logging.dnstap_socket - 1);
			return false;
		}
		memcpy(to, path, strlen(path) + 1);
	}
	if (!*to)
		call_fail(c, CALL_EXIT_USAGE, "dnstap has no socket; expected dnstap on SOCKET, or dnstap = \"SOCKET\" in the node's block");
	return *to != '\0';
}

/* ---- documents ---- */

static void put_count(struct doc *d, const struct ctl_tap *t, const char *key, uint64_t v)
{
	if (t->told)
		doc_uint(d, key, v);
	else
		doc_null(d, key);
}

static enum call_next show(struct call *c, const struct ctl_host *h)
{
	c->logging = *h->logging;
	return CALL_ANSWER;
}

enum call_next run_log(struct call *c, const struct ctl_host *h, struct doc *d)
{
	enum call_next next = show(c, h);
	if (c->word_count) {
		c->logging.level = log_level_find(c->words[0]);
		if (!c->logging.level)
			return call_fail(c, CALL_EXIT_USAGE, "log \"%.64s\"; expected error, warning, notice, info or debug", c->words[0]);
		next = CALL_LOGGING;
	}
	doc_text(d, "level", log_level_text(c->logging.level));
	doc_text(d, "form", log_form_text(c->logging.form));
	doc_uint(d, "dropped", h->log_dropped);
	return next;
}

enum call_next run_querylog(struct call *c, const struct ctl_host *h, struct doc *d)
{
	enum call_next next = show(c, h);
	const enum wish w = wish_of(c, "querylog");
	if (w == WISH_BAD)
		return CALL_ANSWER;
	if (w != WISH_SHOW) {
		next = CALL_LOGGING;
		c->logging.query_log = w == WISH_ON ? sample_of(c, 1) : 0;
		if (w == WISH_ON && !c->logging.query_log)
			return CALL_ANSWER;
	}
	doc_word(d, "querylog", c->logging.query_log ? "on" : "off", DOC_PLAIN);
	doc_uint(d, "sample", c->logging.query_log);
	put_count(d, h->tap, "lines", h->tap->lines);
	put_count(d, h->tap, "lost", h->tap->lost);
	return next;
}

enum call_next run_dnstap(struct call *c, const struct ctl_host *h, struct doc *d)
{
	enum call_next next = show(c, h);
	const enum wish w = wish_of(c, "dnstap");
	if (w == WISH_BAD)
		return CALL_ANSWER;
	if (w == WISH_ON && !HAS_DNSTAP)
		return call_fail(c, CALL_EXIT_FAILED, "this build has no dnstap (configure --with-dnstap)");
	if (w != WISH_SHOW) {
		next = CALL_LOGGING;
		c->logging.dnstap = w == WISH_ON ? sample_of(c, 1) : 0;
		if (w == WISH_ON && (!c->logging.dnstap || !take_socket(c)))
			return CALL_ANSWER;
	}
	doc_word(d, "dnstap", c->logging.dnstap ? "on" : "off", DOC_PLAIN);
	doc_uint(d, "sample", c->logging.dnstap);
	doc_text(d, "socket", *c->logging.dnstap_socket ? c->logging.dnstap_socket : NULL);
	if (h->tap->told)
		doc_bool(d, "connected", h->tap->connected);
	else
		doc_null(d, "connected");
	put_count(d, h->tap, "frames", h->tap->frames);
	put_count(d, h->tap, "dropped", h->tap->frames_dropped);
	put_count(d, h->tap, "lost", h->tap->lost);
	return next;
}
