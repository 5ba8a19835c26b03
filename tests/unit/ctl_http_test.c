/* The parts of the HTTP server that need no socket: addresses, and the text of metrics. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "ctl/http_state.h"
#include "ctl/page.h"
#include "lib/ctl_kit.h"

/* ---- addresses ---- */

START_TEST(addresses_are_read)
{
	static const struct { const char *text; int e; const char *key, *value; size_t count; } rows[] = {
		{ NULL, 0, "name", NULL, 0 },
		{ "", 0, "name", NULL, 0 },
		{ "&&", 0, "name", NULL, 0 },
		{ "name=www.example.test", 0, "name", "www.example.test", 1 },
		{ "name=", 0, "name", "", 1 },
		{ "follow", 0, "follow", "", 1 },
		{ "follow&after=7", 0, "after", "7", 2 },
		{ "name=a=b", 0, "name", "a=b", 1 },
		{ "name=%2a.example.test&", 0, "name", "*.example.test", 1 },
		{ "name=a+b%20c", 0, "name", "a b c", 1 },
		{ "n%61me=x", 0, "name", "x", 1 },
		{ "=x", 0, "", "x", 1 },
		{ "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8", 0, "h", "8", 8 },
		{ "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9", ERR_LIMIT, NULL, NULL, 0 },
		{ "name=a&name=b", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=a&n%61me=b", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=%", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=%4", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=%4g", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=%00", ERR_FORMAT, NULL, NULL, 0 },
		{ "name=a%00b", ERR_FORMAT, NULL, NULL, 0 },
		{ "%00=a", ERR_FORMAT, NULL, NULL, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct http_query q;
		ck_assert_msg(http_query_parse(&q, rows[i].text) == rows[i].e, "row %zu", i);
		if (rows[i].e)
			continue;
		ck_assert_msg(q.count == rows[i].count, "row %zu: %zu", i, q.count);
		const char *v = http_query_find(&q, rows[i].key);
		ck_assert_msg(rows[i].value ? v && strcmp(v, rows[i].value) == 0 : !v, "row %zu: %s", i, v);
	}
}
END_TEST

START_TEST(values_are_bounded)
{
	struct http_query q;
	char text[HTTP_VALUE_MAX * 4 + 8], *at = text;
	memset(text, 'a', sizeof text);
	memcpy(text, "n=", 2);
	text[2 + HTTP_VALUE_MAX - 1] = 0;
	ck_assert_int_eq(http_query_parse(&q, text), 0);
	ck_assert_uint_eq(strlen(http_query_find(&q, "n")), HTTP_VALUE_MAX - 1);
	text[2 + HTTP_VALUE_MAX - 1] = 'a';
	text[2 + HTTP_VALUE_MAX] = 0;
	ck_assert_int_lt(http_query_parse(&q, text), 0);
	for (unsigned k = 0; k < 4; k++) { /* more in all than there is room for, each within its bound */
		at += sprintf(at, "%c=", 'a' + k);
		memset(at, 'x', HTTP_VALUE_MAX - 1);
		at += HTTP_VALUE_MAX - 1;
		*at++ = '&';
	}
	at[-1] = 0;
	ck_assert_int_lt(http_query_parse(&q, text), 0);
}
END_TEST

START_TEST(any_address_is_survived)
{
	static const char alphabet[] = "abn=&&%%+0aF4\x7f\xff;?#/";
	struct rng r;
	rng_init(&r, 7);
	for (unsigned i = 0; i < 100000; i++) {
		struct http_query q;
		char text[64];
		size_t len = rng_below(&r, sizeof text);
		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[rng_below(&r, sizeof alphabet - 1)];
		text[len] = 0;
		if (http_query_parse(&q, text))
			continue;
		ck_assert_uint_le(q.count, HTTP_QUERY_MAX);
		for (size_t k = 0; k < q.count; k++)
			ck_assert_ptr_eq(http_query_find(&q, q.list[k].key), q.list[k].value);
	}
}
END_TEST

/* ---- metrics ---- */

static struct bytes out;

static const char *text(void)
{
	bytes_u8(&out, 0);
	ck_assert(!out.failed);
	return (const char *)out.data;
}

START_TEST(samples_are_written_as_prometheus_reads_them)
{
	bytes_init(&out, METRICS_LEN_MAX);
	metrics_family(&out, "x_total", METRICS_COUNTER, "Of x.");
	metrics_count(&out, "x_total", METRICS_NONE, METRICS_NONE, UINT64_MAX);
	metrics_count(&out, "x_total", METRICS_LABEL("a", "1\\2\"3\n4"), METRICS_NONE, 1);
	metrics_sample(&out, "x_total", METRICS_LABEL("a", ""), METRICS_LABEL("b", NULL), 0.25);
	metrics_alone(&out, "y", METRICS_GAUGE, "Of y.", -3);
	ck_assert_str_eq(text(), "# HELP gemel_x_total Of x.\n"
				 "# TYPE gemel_x_total counter\n"
				 "gemel_x_total 18446744073709551615\n"
				 "gemel_x_total{a=\"1\\\\2\\\"3\\n4\"} 1\n"
				 "gemel_x_total{a=\"\",b=\"\"} 0.25\n"
				 "# HELP gemel_y Of y.\n"
				 "# TYPE gemel_y gauge\n"
				 "gemel_y -3\n");
	bytes_deinit(&out);
}
END_TEST

static bool usage(void *ctx, const struct ctl_child *k, struct ctl_usage *u)
{
	(void)ctx;
	*u = (struct ctl_usage){ .cpu_ms = 1500, .resident_bytes = 4096, .threads = 3 };
	return strcmp(k->role, "prober") != 0; /* it just died */
}

static void scrape(struct kit *k, size_t bound)
{
	static const struct metrics_events events = { .by_kind = { [CORE_NOTICE_VERDICT] = 5 } };
	static const struct metrics_http http = { .requests = 9, .connections = 2 };
	struct ctl_host h;
	kit_host(k, &h);
	h.reloads = (struct ctl_reloads){ .by_result = { 3, 0, 1 }, .last_wall_ms = 1700000000500, .last_took_ms = 250 };
	static struct ctl_zone zones[] = { { .name = (char *)(uintptr_t)"example.test", .queries = 7 },
					   { .name = (char *)(uintptr_t)".", .queries = 1 } };
	static const struct ctl_zones list = { zones, 2, true, 0x8000000000000800 };
	static const struct latency latency = { .count = { [0] = 3, [2] = 4, [LATENCY_BOUNDS] = 1 }, .sum_ns = 500000000 };
	h.zones = &list;
	h.zones_told = true;
	h.latency = &latency;
	k->tap = (struct ctl_tap){ .told = true, .connected = true, .lines = 11, .lost = 12, .frames = 13, .frames_dropped = 14 };
	bytes_init(&out, bound);
	metrics_write(&out, &(struct metrics){ .h = &h, .events = &events, .http = &http, .usage = usage });
}

#define EXPECT(line) ck_assert_msg(strstr(t, "\n" line "\n"), "no line %s", line)
#define EXPECT_NONE(part) ck_assert_msg(!strstr(t, part), "%s stands there", part)

START_TEST(a_world_is_told)
{
	struct kit k;
	kit_begin(&k, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12 / ::1\nservice api.example.test web 127.0.0.11\n");
	world_backend(&k.w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&k.w, 3000);
	k.counters = (struct ctl_counters){ .queries = 9, .tcp = 2, .by_rcode = { [0] = 5, [3] = 3, [23] = 1 }, .rate_slipped = 4 };
	scrape(&k, METRICS_LEN_MAX);
	const char *t = text();
	EXPECT("gemel_queries_total{transport=\"udp\"} 7");
	EXPECT("gemel_queries_total{transport=\"tcp\"} 2");
	EXPECT("gemel_responses_total{rcode=\"NXDOMAIN\"} 3");
	EXPECT("gemel_responses_total{rcode=\"BADCOOKIE\"} 1");
	EXPECT("gemel_responses_limited_total{how=\"truncated\"} 4");
	EXPECT("gemel_zone_queries_total{zone=\"example.test\"} 7");
	EXPECT("gemel_zones_digest 4503599627370497"); /* its first 53 bits: every one of them is there */
	EXPECT("gemel_zone_queries_total{zone=\".\"} 1");
	EXPECT("# TYPE gemel_answer_duration_seconds histogram");
	EXPECT("gemel_answer_duration_seconds_bucket{le=\"5e-06\"} 3");
	EXPECT("gemel_answer_duration_seconds_bucket{le=\"1e-05\"} 3");
	EXPECT("gemel_answer_duration_seconds_bucket{le=\"2e-05\"} 7");
	EXPECT("gemel_answer_duration_seconds_bucket{le=\"0.1\"} 7");
	EXPECT("gemel_answer_duration_seconds_bucket{le=\"+Inf\"} 8");
	EXPECT("gemel_answer_duration_seconds_sum 0.5");
	EXPECT("gemel_answer_duration_seconds_count 8");
	EXPECT("gemel_services{state=\"degraded\"} 1");
	EXPECT("gemel_services{state=\"failed\"} 1");
	EXPECT("gemel_service_rules{family=\"a\",rule=\"tier\"} 1");
	EXPECT("gemel_service_rules{family=\"a\",rule=\"all_down first\"} 1");
	EXPECT("gemel_service_members_up{service=\"www.example.test\"} 2");
	EXPECT("gemel_service_failed{service=\"api.example.test\"} 1");
	EXPECT("gemel_service_tier{service=\"api.example.test\",family=\"a\"} 0");
	EXPECT("gemel_service_tier{service=\"www.example.test\",family=\"aaaa\"} 2");
	EXPECT("gemel_members 4");
	EXPECT("gemel_members_up 2");
	EXPECT("gemel_network_state{state=\"unwatched\"} 1");
	EXPECT("gemel_reloads_total{result=\"refused\"} 1");
	EXPECT("gemel_reload_last_timestamp_seconds 1700000000.5");
	EXPECT("gemel_reload_last_duration_seconds 0.25");
	EXPECT("gemel_process_cpu_seconds_total{role=\"responder\"} 1.5");
	EXPECT("gemel_process_restarts_total{role=\"prober\"} 3");
	EXPECT("gemel_events_total{kind=\"verdict\"} 5");
	EXPECT("gemel_http_requests_total 9");
	EXPECT("gemel_log_dropped_total 3");
	EXPECT("gemel_query_log_lines_total 11");
	EXPECT("gemel_tap_lost_total 12");
	EXPECT("gemel_dnstap_frames_total 13");
	EXPECT("gemel_dnstap_dropped_total 14");
	EXPECT("gemel_dnstap_connected 1");
	EXPECT_NONE("gemel_process_threads{role=\"prober\"}");
	EXPECT_NONE("gemel_peer");
	EXPECT_NONE("gemel_hook");
	const char *refused = strstr(t, "gemel_probes_total{result=\"fail\",reason=\"connect refused\"} ");
	ck_assert_ptr_nonnull(refused);
	ck_assert_int_gt(atoi(strchr(refused, '}') + 1), 2);
	bytes_deinit(&out);
	kit_end(&k);
}
END_TEST

/* Prometheus refuses a text that has a family twice, or a sample of no family. */
START_TEST(each_family_stands_once_before_its_samples)
{
	static char seen[256][64];
	static const char *const parts[] = { "_bucket", "_sum", "_count" }; /* of a histogram */
	size_t count = 0;
	struct kit k;
	kit_begin(&k, "check web\nservice www.example.test web 127.0.0.11\n");
	scrape(&k, METRICS_LEN_MAX);
	char name[64] = "", *save = NULL;
	for (char *line = strtok_r((char *)(uintptr_t)text(), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			ck_assert_int_eq(sscanf(line + 7, "%63s", name), 1);
			for (size_t i = 0; i < count; i++)
				ck_assert_str_ne(seen[i], name);
			ck_assert_uint_lt(count, 256);
			strcpy(seen[count++], name);
		} else if (line[0] != '#') {
			const char *behind = line + strlen(name);
			ck_assert_msg(strncmp(line, name, strlen(name)) == 0, "%s under %s", line, name);
			for (size_t i = 0; i < 3; i++)
				behind += strncmp(behind, parts[i], strlen(parts[i])) == 0 ? strlen(parts[i]) : 0;
			ck_assert_msg(strchr("{ ", *behind), "%s under %s", line, name);
		}
	}
	ck_assert_uint_gt(count, 40);
	bytes_deinit(&out);
	kit_end(&k);
}
END_TEST

START_TEST(more_services_than_can_be_told_apart_are_told_as_sums)
{
	struct kit k;
	struct bytes plan;
	bytes_init(&plan, 1u << 20);
	bytes_printf(&plan, "check web\n");
	for (unsigned i = 0; i <= METRICS_SERVICES_MAX; i++)
		bytes_printf(&plan, "service s%u.example.test web 127.0.0.11\n", i);
	bytes_u8(&plan, 0);
	kit_begin(&k, (const char *)plan.data);
	scrape(&k, METRICS_LEN_MAX);
	const char *t = text();
	EXPECT("gemel_members 1001");
	EXPECT_NONE("gemel_service_members");
	EXPECT_NONE("gemel_service_tier");
	bytes_deinit(&out);
	scrape(&k, 4096); /* what does not fit is not cut, it fails */
	ck_assert(out.failed);
	bytes_deinit(&out);
	bytes_deinit(&plan);
	kit_end(&k);
}
END_TEST

/* ---- the page ---- */

START_TEST(the_page_takes_nothing_from_elsewhere)
{
	static const char *const never[] = { "http://", "https://", "src=\"", "@import", "url(", "innerHTML", "outerHTML", "insertAdjacent", "eval(",
					     "document.write", " style=\"", " onclick=" };
	char *page = strndup((const char *)page_html, page_html_len);
	ck_assert_uint_eq(strlen(page), page_html_len);
	/* The names of SVG are names, not places; browsers fetch nothing there. */
	for (char *at; (at = strstr(page, "http://www.w3.org/2000/svg"));)
		memset(at, '-', 7);
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		ck_assert_msg(!strstr(page, never[i]), "%s stands in the page", never[i]);
	ck_assert_ptr_nonnull(strstr(page_policy, "default-src 'none'"));
	ck_assert_ptr_null(strstr(page_policy, "unsafe"));
	free(page);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { addresses_are_read, values_are_bounded, any_address_is_survived, samples_are_written_as_prometheus_reads_them,
				 a_world_is_told, each_family_stands_once_before_its_samples, more_services_than_can_be_told_apart_are_told_as_sums,
				 the_page_takes_nothing_from_elsewhere };
	return unit_run("ctl_http", tests, sizeof tests / sizeof *tests);
}
