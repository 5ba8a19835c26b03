/* The reader of HTTP answers: every cut of the stream gives the same result, and nonsense is refused. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "base/rng.h"
#include "io/http1.h"
#include "tests/unit/unit.h"

static const struct answer {
	const char *wire;
	bool head;
	size_t max_body;
	enum http1_result result; /* after the end of the stream, where it wants more */
	int status;
	const char *headers, *body, *fault;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 100, HTTP1_DONE, 200, "content-length: 5\n",
	  "hello", NULL },
	{ "HTTP/1.1 200 OK\nA: b\n\nbare LF", false, 100, HTTP1_DONE, 200, "a: b\n", "bare LF", NULL },
	{ "HTTP/1.0 404 Not Found\r\n\r\nx", false, 100, HTTP1_DONE, 404, "", "x", NULL },
	{ "HTTP/1.1 200\r\n\r\n", false, 100, HTTP1_DONE, 200, "", "", NULL },
	{ "HTTP/1.1 200 \r\nX:  padded \t\r\n\r\n", false, 100, HTTP1_DONE, 200, "x: padded\n", "", NULL },
	{ "HTTP/1.1 200 OK\r\nX-Empty:\r\n\r\n", false, 100, HTTP1_DONE, 200, "x-empty: \n", "", NULL },
	{ "HTTP/1.1 200 OK\r\nX: a\001b\r\n\r\n", false, 100, HTTP1_DONE, 200, "x: a b\n", "", NULL },
	{ "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\nnot read", false, 100, HTTP1_DONE, 204, "content-length: 9\n",
	  "", NULL },
	{ "HTTP/1.1 304 No\r\n\r\nnot read", false, 100, HTTP1_DONE, 304, "", "", NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, 100, HTTP1_DONE, 200, "content-length: 9\n", "", NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlong body", false, 4, HTTP1_DONE, 200, "content-length: 9\n",
	  "long", NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, 0, HTTP1_DONE, 200, "content-length: 9\n", "", NULL },
	{ "HTTP/1.1 100 Go\r\nX: y\r\n\r\nHTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nz", false, 100, HTTP1_DONE,
	  200, "", "z", NULL },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;q=1\r\n0123456789\r\n0\r\n\r\n", false,
	  100, HTTP1_DONE, 200, "transfer-encoding: Chunked\n", "hello0123456789", NULL },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nhello", false, 5, HTTP1_DONE, 200, NULL,
	  "hello", NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false, 100, HTTP1_DONE, 200, NULL,
	  "hello", NULL },
	/* ended too early */
	{ "", false, 100, HTTP1_CLOSED, 0, NULL, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\n", false, 100, HTTP1_CLOSED, 0, NULL, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", false, 100, HTTP1_CLOSED, 0, NULL, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false, 100, HTTP1_CLOSED, 0, NULL,
	  NULL, NULL },
	{ "HTTP/1.1 100 Go\r\n\r\n", false, 100, HTTP1_CLOSED, 0, NULL, NULL, NULL },
	/* broken */
	{ "\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "SSH-2.0-x\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "HTTP/2.0 200 OK\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "HTTP/1.1 20 OK\r\n\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "HTTP/1.1 2000 OK\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "HTTP/1.1 099 OK\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no status line" },
	{ "HTTP/1.1 200 OK\r\nno colon\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad header" },
	{ "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad header" },
	{ "HTTP/1.1 200 OK\r\nA : b\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad header name" },
	{ "HTTP/1.1 200 OK\r\n: b\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad header name" },
	{ "HTTP/1.1 200 OK\r\nA: b\rc\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "a CR within" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad Content-Length" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad Content-Length" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad Content-Length" },
	{ "HTTP/1.1 200 OK\r\nContent-Length:\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "bad Content-Length" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "two Content-Lengths" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "unknown Transfer" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad chunk" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad chunk" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5zz\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad chunk" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", false, 100, HTTP1_BROKEN, 0,
	  NULL, NULL, "chunk too large" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL,
	  "bad chunk" },
	{ "HTTP/1.1 101 Upgrade\r\n\r\n", false, 100, HTTP1_BROKEN, 0, NULL, NULL, "no final status" },
};

static struct http1 http;

/* Feeds the wire in pieces of at most step octets (0 = random ones). */
static enum http1_result feed(const struct answer *a, size_t step, struct rng *rng)
{
	size_t len = strlen(a->wire), at = 0;
	enum http1_result r = HTTP1_MORE;

	http1_init(&http, a->head, a->max_body);
	while (r == HTTP1_MORE && at < len) {
		size_t n = step != 0 ? step : 1 + rng_below(rng, 20);

		n = n < len - at ? n : len - at;
		r = http1_feed(&http, a->wire + at, n);
		at += n;
	}
	return r == HTTP1_MORE ? http1_eof(&http) : r;
}

static void judge(const struct answer *a, enum http1_result r)
{
	ck_assert_msg(r == a->result, "%s: %d, %s", a->wire, r, http.fault != NULL ? http.fault : "");
	if (a->fault != NULL)
		ck_assert_msg(strstr(http.fault, a->fault) != NULL, "%s: %s", a->wire, http.fault);
	if (r != HTTP1_DONE)
		return;
	ck_assert_int_eq(http.status, a->status);
	if (a->headers != NULL)
		ck_assert_str_eq((const char *)http.headers.data, a->headers);
	ck_assert_uint_eq(http.body.len, strlen(a->body));
	ck_assert(http.body.len == 0 || memcmp(http.body.data, a->body, http.body.len) == 0);
}

START_TEST(every_cut_gives_the_same)
{
	const struct answer *a = &answers[_i];
	struct rng rng;

	rng_init(&rng, 1);
	for (size_t step = 0; step < 30; step++) {
		judge(a, feed(a, step, &rng));
		http1_deinit(&http);
	}
	judge(a, feed(a, 100000, &rng));
	http1_deinit(&http);
}
END_TEST

/* Feeds text over and over until the reader has an answer; returns how many octets it took. */
static size_t flood(const char *start, const char *text, size_t most)
{
	size_t fed = strlen(start), len = strlen(text);
	enum http1_result r;

	http1_init(&http, false, 1000);
	r = http1_feed(&http, start, fed);
	while (r == HTTP1_MORE && fed < most) {
		r = http1_feed(&http, text, len);
		fed += len;
	}
	ck_assert_int_eq(r, HTTP1_BROKEN);
	ck_assert_uint_le(http.headers.len, 2 * HTTP1_HEADER_MAX);
	http1_deinit(&http);
	return fed;
}

START_TEST(floods_have_an_end)
{
	ck_assert_uint_lt(flood("", "x", 1 << 20), HTTP1_LINE_MAX + 10);
	ck_assert_uint_lt(flood("HTTP/1.1 200 OK\r\n", "a: b\r\n", 1 << 20), HTTP1_HEADER_MAX + 100);
	ck_assert_uint_lt(flood("HTTP/1.1 200 OK\r\nA: ", "x", 1 << 20), HTTP1_LINE_MAX + 100);
	ck_assert_uint_lt(flood("", "HTTP/1.1 100 Continue\r\n\r\n", 1 << 20), 500);
	ck_assert_uint_lt(flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x", 1 << 20),
			  HTTP1_LINE_MAX + 100);
}
END_TEST

/* Nothing that a server sends may do harm: mutated answers, under the sanitizers. */
START_TEST(noise_is_survived)
{
	struct rng rng;

	rng_init(&rng, 42);
	for (int i = 0; i < 20000; i++) {
		const struct answer *a = &answers[rng_below(&rng, sizeof answers / sizeof *answers)];
		char wire[512];
		size_t len = strlen(a->wire);
		enum http1_result r;

		memcpy(wire, a->wire, len);
		for (uint64_t k = rng_below(&rng, 4); len > 0 && k > 0; k--)
			wire[rng_below(&rng, len)] = (char)rng_u64(&rng);
		http1_init(&http, false, 50);
		r = http1_feed(&http, wire, len);
		if (r == HTTP1_MORE)
			r = http1_eof(&http);
		ck_assert(r == HTTP1_DONE || r == HTTP1_BROKEN || r == HTTP1_CLOSED);
		ck_assert_uint_le(http.body.len, 50);
		http1_deinit(&http);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, every_cut_gives_the_same, 0, (int)(sizeof answers / sizeof *answers));
	tcase_add_test(tc, floods_have_an_end);
	tcase_add_test(tc, noise_is_survived);
	return unit_run_case("http1", tc);
}
