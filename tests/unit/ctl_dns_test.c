/* Class CH answers, read back with ldns. */
#include "config.h"
#include <check.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/ctl.h"
#include "dns/const.h"
#include "dns/name.h"
#include "lib/core_world.h"

static struct world w;
static bool journal_failed;
static struct ctl_counters counters;
static uint8_t wire[DNS_MESSAGE_MAX], reply[DNS_MESSAGE_MAX];
static size_t reply_len;

static const char *const plan = "check web\n"
				"service www.example.test web 127.0.0.11 127.0.0.12@ams1 / ::1\n"
				"service api.example.test web 127.0.0.11\n";

static void begin_with(const char *text)
{
	journal_failed = false;
	world_begin(&w, text);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&w, 3000);
}

static void begin(void)
{
	begin_with(plan);
}

static void end(void)
{
	world_end(&w);
}

/* ---- asking ---- */

struct question {
	const char *name, *from; /* NULL = 127.0.0.1 */
	uint16_t type, class;    /* 0 = TXT, CH */
	bool tcp;
	uint16_t edns;           /* size; 0 = none */
	bool nsid;
	uint8_t version;
};

static size_t query_wire(const struct question *q)
{
	struct wbuf b;
	uint8_t name[NAME_WIRE_MAX];
	int n = name_parse(name, q->name, strlen(q->name), NULL, false);
	ck_assert_int_gt(n, 0);
	wbuf_init(&b, wire, sizeof wire);
	put_u16(&b, 0x1234);
	put_u16(&b, DNS_FLAG_RD);
	put_u16(&b, 1);
	put_u32(&b, 0);
	put_u16(&b, q->edns ? 1 : 0);
	put_bytes(&b, name, (size_t)n);
	put_u16(&b, q->type ? q->type : DNS_TYPE_TXT);
	put_u16(&b, q->class ? q->class : DNS_CLASS_CH);
	if (!q->edns)
		return b.len;
	put_u8(&b, 0);
	put_u16(&b, DNS_TYPE_OPT);
	put_u16(&b, q->edns);
	put_u8(&b, 0);
	put_u8(&b, q->version);
	put_u16(&b, DNS_EDNS_DO);
	put_u16(&b, q->nsid ? 4 : 0);
	if (q->nsid)
		put_u32(&b, (uint32_t)DNS_OPTION_NSID << 16);
	return b.len;
}

static struct ctl_host host(void)
{
	return (struct ctl_host){ .core = w.core, .now_ms = w.now_ms, .wall_ms = WORLD_WALL_MS + w.now_ms,
				  .started_wall_ms = WORLD_WALL_MS + 1000000, .counters = &counters, .journal_failed = journal_failed };
}

static void ask(const struct question *q)
{
	const char *from = q->from ? q->from : "127.0.0.1";
	struct ctl_host h = host();
	struct addr a;
	size_t len = query_wire(q);
	ck_assert_int_eq(addr_parse(&a, from, strlen(from), 5353), 0);
	reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = !q->tcp, .addr = &a }, wire, len, reply, sizeof reply);
}

#define ASK(...) ask(&(struct question){ __VA_ARGS__ })

/* "REFUSED", "NOERROR aa", "NOERROR aa tc": the header; then, a line each, the TXT records as ldns reads them. */
static const char *said(void)
{
	static char text[1 << 20];
	size_t at = 0;
	ldns_pkt *p = NULL;
	ck_assert_int_eq(ldns_wire2pkt(&p, reply, reply_len), LDNS_STATUS_OK);
	ck_assert_uint_eq(ldns_pkt_id(p), 0x1234);
	ck_assert(ldns_pkt_qr(p) && ldns_pkt_rd(p) && !ldns_pkt_ra(p) && !ldns_pkt_ad(p));
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%s\n", rcode, ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "");
	free(rcode);
	ldns_rr_list *answer = ldns_pkt_answer(p);
	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
		ldns_rr *rr = ldns_rr_list_rr(answer, i);
		ck_assert_int_eq(ldns_rr_get_type(rr), LDNS_RR_TYPE_TXT);
		ck_assert_int_eq(ldns_rr_get_class(rr), LDNS_RR_CLASS_CH);
		ck_assert_uint_eq(ldns_rr_ttl(rr), 0);
		for (size_t k = 0; k < ldns_rr_rd_count(rr); k++) {
			char *s = ldns_rdf2str(ldns_rr_rdf(rr, k));
			at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", k ? " " : "", s);
			free(s);
		}
		at += (size_t)snprintf(text + at, sizeof text - at, "\n");
	}
	ldns_pkt_free(p);
	return text;
}

/* ---- names ---- */

static const struct { const char *name, *from; uint16_t type, class; bool tcp; const char *said; } cases[] = {
	{ "id.server", NULL, 0, 0, false, "NOERROR aa\n\"ns1\"\n" },
	{ "ID.Server", NULL, 0, 0, false, "NOERROR aa\n\"ns1\"\n" },
	{ "hostname.bind", "192.0.2.1", 0, 0, false, "NOERROR aa\n\"ns1\"\n" }, /* anybody may know */
	{ "version.server", NULL, 0, 0, false, "NOERROR aa\n\"Gemel " PACKAGE_VERSION "\"\n" },
	{ "version.bind", NULL, DNS_TYPE_ANY, 0, false, "NOERROR aa\n\"Gemel " PACKAGE_VERSION "\"\n" },
	{ "version.bind", "192.0.2.1", 0, 0, false, "REFUSED\n" },
	{ "version.bind", "192.0.2.1", 0, 0, true, "REFUSED\n" },
	{ "status.gemel", "192.0.2.1", 0, 0, true, "REFUSED\n" },
	{ "nothing.gemel", "192.0.2.1", 0, 0, true, "REFUSED\n" },
	{ "id.server", NULL, DNS_TYPE_A, 0, false, "NOERROR aa\n" }, /* NODATA */
	{ "status.gemel", NULL, DNS_TYPE_A, 0, false, "NOERROR aa\n" },
	{ "www.example.test.service.gemel", NULL, DNS_TYPE_A, 0, false, "NOERROR aa\n" },
	{ "gemel", NULL, 0, 0, false, "NOERROR aa\n" },
	{ "service.gemel", NULL, 0, 0, false, "NOERROR aa\n" },
	{ "nothing.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "a.status.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "nothing.service.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "explain.www.example.test.service.gemel", NULL, DNS_TYPE_A, 0, false, "NOERROR aa\n" },
	{ "explain.nothing.service.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "explain.service.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "notgemel", NULL, 0, 0, false, "REFUSED\n" },
	{ "xgemel", NULL, 0, 0, false, "REFUSED\n" },
	{ "server", NULL, 0, 0, false, "REFUSED\n" },
	{ "authors.bind", NULL, 0, 0, false, "REFUSED\n" },
	{ ".", NULL, 0, 0, false, "REFUSED\n" },
	{ "id.server", NULL, 0, DNS_CLASS_IN, false, "REFUSED\n" },
	{ "status\\000.gemel", NULL, 0, 0, false, "NXDOMAIN aa\n" },
	{ "status.gemel\\000", NULL, 0, 0, false, "REFUSED\n" },
};

START_TEST(each_name_has_its_answer)
{
	ask(&(struct question){ .name = cases[_i].name, .from = cases[_i].from, .type = cases[_i].type, .class = cases[_i].class, .tcp = cases[_i].tcp });
	ck_assert_str_eq(said(), cases[_i].said);
}
END_TEST

START_TEST(the_question_comes_back_as_it_was_asked)
{
	ASK(.name = "iD.SeRvEr");
	ck_assert_int_eq(memcmp(reply + 12, "\2iD\6SeRvEr\0\0\x10\0\3", 15), 0);
}
END_TEST

/* ---- content ---- */

START_TEST(status)
{
	ASK(.name = "status.gemel");
	ck_assert_str_eq(said(), "NOERROR aa\n"
				 "\"node=ns1\"\n\"version=" PACKAGE_VERSION "\"\n\"time=2023-11-14T22:30:03.000Z\"\n"
				 "\"started=2023-11-14T22:30:00.000Z\"\n\"generation=1\"\n\"ready=yes\"\n\"journal=ok\"\n\"network=unwatched\"\n\"services=2\"\n"
				 "\"degraded=1\"\n\"failed=1\"\n\"waiting=0\"\n\"members=4\"\n\"members-up=2\"\n\"overrides=0\"\n");
}
END_TEST

START_TEST(services)
{
	ASK(.name = "services.gemel");
	ck_assert_str_eq(said(), "NOERROR aa\n"
				 "\"service=www.example.test\" \"state=degraded\" \"up=2\" \"members=3\" \"answering=2\" \"a=tier 1\" \"aaaa=tier 2\"\n"
				 "\"service=api.example.test\" \"state=failed\" \"up=0\" \"members=1\" \"answering=1\" \"a=all_down first\"\n");
}
END_TEST

/* Replaces what depends on the jitter of the first probes. */
static const char *without_since(void)
{
	static char text[1 << 16];
	snprintf(text, sizeof text, "%s", said());
	for (char *p = text; (p = strstr(p, "\"since=2023-11-14T22:30:")) != NULL; p += 8)
		memmove(p + 7, p + 31, strlen(p + 31) + 1);
	return text;
}

START_TEST(members_of_a_service)
{
	ASK(.name = "WWW.example.test.service.gemel", .tcp = true);
	ck_assert_str_eq(without_since(),
			 "NOERROR aa\n"
			 "\"address=127.0.0.11\" \"tier=1\" \"state=down\" \"since=\" \"answering=no\" \"reason=connect refused\" \"took-ms=0.3\" \"seen-by=ns1:down\"\n"
			 "\"address=127.0.0.12\" \"tier=1\" \"host=ams1\" \"state=up\" \"since=\" \"answering=yes\" \"reason=ok\" \"took-ms=0.3\" \"seen-by=ns1:up\"\n"
			 "\"address=::1\" \"tier=2\" \"state=up\" \"since=\" \"answering=yes\" \"reason=ok\" \"took-ms=0.3\" \"seen-by=ns1:up\"\n");
}
END_TEST

/* What a member has of its weight, by its check and by a slow start, where weights count. */
START_TEST(shares_of_members)
{
	struct addr a;
	world_plan(&w, "check web\nservice www.example.test web 127.0.0.11*3 127.0.0.12 pick=weighted slow_start=60000\n");
	ck_assert_int_eq(addr_parse(&a, "127.0.0.12", 10, 0), 0);
	world_backend_of(&w, &a)->weight = 40;
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 27000);
	ASK(.name = "www.example.test.service.gemel", .tcp = true);
	ck_assert_ptr_nonnull(strstr(said(), "\"address=127.0.0.11\" \"tier=1\" \"state=up\""));
	ck_assert_msg(strstr(said(), "\"weight=3\" \"share=slow start 40%, full in 3") != NULL, "%s", said());
	ck_assert_msg(strstr(said(), "\"weight=1\" \"share=check 40%\" \"reason=ok") != NULL, "%s", said());
}
END_TEST

START_TEST(forced_members)
{
	world_command(&w, "down 127.0.0.12 for=60000");
	world_command(&w, "drain ::1");
	world_run(&w, 1000);
	ASK(.name = "notup.gemel", .tcp = true);
	ck_assert_str_eq(without_since(),
			 "NOERROR aa\n"
			 "\"service=www.example.test\" \"address=127.0.0.11\" \"tier=1\" \"state=down\" \"since=\" \"answering=yes\" "
			 "\"reason=connect refused\" \"took-ms=0.3\" \"seen-by=ns1:down\"\n"
			 "\"service=www.example.test\" \"address=127.0.0.12\" \"tier=1\" \"host=ams1\" \"state=up\" \"since=\" \"answering=no\" "
			 "\"reason=ok\" \"took-ms=0.3\" \"seen-by=ns1:up\" \"forced=down\" \"by=alice\" \"until=2023-11-14T22:31:03.000Z\" \"why=because\"\n"
			 "\"service=www.example.test\" \"address=::1\" \"tier=2\" \"state=up\" \"since=\" \"answering=no\" \"reason=ok\" \"took-ms=0.3\" "
			 "\"seen-by=ns1:up\" \"forced=drain\" \"by=alice\" \"why=because\"\n"
			 "\"service=api.example.test\" \"address=127.0.0.11\" \"tier=1\" \"state=down\" \"since=\" \"answering=yes\" "
			 "\"reason=connect refused\" \"took-ms=0.3\" \"seen-by=ns1:down\"\n");
}
END_TEST

START_TEST(nothing_is_not_up)
{
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	world_run(&w, 5000);
	ASK(.name = "notup.gemel");
	ck_assert_str_eq(said(), "NOERROR aa\n");
}
END_TEST

START_TEST(explained)
{
	ASK(.name = "explain.WWW.example.test.service.gemel", .tcp = true);
	ck_assert_str_eq(said(), "NOERROR aa\n"
				 "\"www.example.test is a service of 3 members in 2 tiers (test.lua:1)\"\n"
				 "\"A: tier 1 answers: it has 1 member up and needs 1\"\n"
				 "\"A: the answer is 127.0.0.12, whoever asks\"\n"
				 "\"A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\"\n"
				 "\"AAAA: tier 2 answers: tier 1 has no AAAA member\"\n"
				 "\"AAAA: tier 2 has 1 member up and needs 1\"\n"
				 "\"AAAA: the answer is ::1, whoever asks\"\n"
				 "\"AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\"\n"
				 "\"member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\"\n"
				 "\"member 127.0.0.12 (tier 1, host ams1) is up: ns1 votes up (ok)\"\n"
				 "\"member ::1 (tier 2) is up: ns1 votes up (ok)\"\n");
	ASK(.name = "explain.www.example.test.service.gemel", .from = "192.0.2.1", .tcp = true);
	ck_assert_str_eq(said(), "REFUSED\n");
}
END_TEST

START_TEST(a_name_below_a_wildcard_is_explained_by_it)
{
	end();
	begin_with("check web\nservice *.example.test web 127.0.0.12\n");
	ASK(.name = "explain.x.y.example.test.service.gemel", .tcp = true);
	ck_assert_ptr_nonnull(strstr(said(), "\"*.example.test is a service of 1 member in 1 tier"));
	ASK(.name = "explain.example.test.service.gemel", .tcp = true);
	ck_assert_str_eq(said(), "NXDOMAIN aa\n");
}
END_TEST

START_TEST(a_twin_is_told)
{
	end();
	begin_with("pair any-up\ncheck web\nservice www.example.test web 127.0.0.12\n");
	ASK(.name = "status.gemel", .tcp = true);
	ck_assert_ptr_nonnull(strstr(said(), "\"pair=demo\"\n\"state="));
	ck_assert_ptr_nonnull(strstr(said(), "\"twin=ns2\" \"link=waiting\" \"since=2023-11-14T22:30:00.000Z\"\n"));
	ASK(.name = "www.example.test.service.gemel");
	ck_assert_ptr_nonnull(strstr(said(), "\"seen-by=ns1:up,ns2:abstains\"\n"));
}
END_TEST

/* ---- who and how ---- */

START_TEST(status_from_of_the_configuration_counts)
{
	static const struct addr_block some = { { 4, { 192, 0, 2 }, 0 }, 24 };
	struct plan_node *n = (struct plan_node *)(uintptr_t)&w.plan->nodes[w.plan->self];
	n->status_from = &some;
	n->status_from_count = 1;
	ASK(.name = "version.bind", .from = "192.0.2.1", .tcp = true);
	ck_assert_str_eq(said(), "NOERROR aa\n\"Gemel " PACKAGE_VERSION "\"\n");
	ASK(.name = "version.bind", .from = "192.0.2.1"); /* over UDP anybody could say so */
	ck_assert_str_eq(said(), "NOERROR aa tc\n");
	ASK(.name = "nothing.gemel", .from = "192.0.2.1");
	ck_assert_str_eq(said(), "NOERROR aa tc\n");
	ASK(.name = "id.server", .from = "192.0.2.1");
	ck_assert_str_eq(said(), "NOERROR aa\n\"ns1\"\n");
	ASK(.name = "version.bind"); /* loopback was the default only */
	ck_assert_str_eq(said(), "REFUSED\n");
	n->status_from_count = 0;
	ASK(.name = "version.bind", .from = "::1");
	ck_assert_str_eq(said(), "NOERROR aa\n\"Gemel " PACKAGE_VERSION "\"\n");
	ASK(.name = "version.bind", .from = "192.0.2.1", .tcp = true);
	ck_assert_str_eq(said(), "REFUSED\n");
}
END_TEST

static void begin_large(unsigned members)
{
	char *text = malloc(64 * (size_t)members + 256);
	size_t at = (size_t)sprintf(text, "check web\nservice www.example.test web");
	for (unsigned i = 0; i < members; i++)
		at += (size_t)sprintf(text + at, " 127.1.%u.%u", i / 250, i % 250 + 1);
	sprintf(text + at, "\n");
	end();
	begin_with(text);
	free(text);
}

START_TEST(sizes_are_respected)
{
	static const uint16_t sizes[] = { 0, 100, 512, 800, 1232, 4096 }; /* the plan says 1232 */
	for (unsigned members = 1; members < 16; members++) {
		begin_large(members);
		ASK(.name = "www.example.test.service.gemel", .tcp = true);
		size_t whole = reply_len;
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			size_t most = sizes[i] < 512 ? 512 : sizes[i] > 1232 ? 1232 : sizes[i], opt = sizes[i] ? 11 : 0;
			ASK(.name = "www.example.test.service.gemel", .edns = sizes[i]);
			ck_assert_uint_le(reply_len, most);
			ck_assert_msg(!!strstr(said(), " tc\n") == (whole + opt > most), "%u members, size %u", members, sizes[i]);
			if (strstr(said(), " tc\n"))
				ck_assert_str_eq(said(), "NOERROR aa tc\n"); /* nothing half */
			else
				ck_assert_uint_eq(reply_len, whole + opt);
		}
	}
}
END_TEST

START_TEST(what_tcp_cannot_hold_says_so)
{
	static char lines[1 << 20];
	begin_large(250);
	ASK(.name = "www.example.test.service.gemel", .tcp = true);
	ck_assert_ptr_null(strstr(said(), "more="));
	struct ctl_host h = host();
	struct addr a = { 4, { 127, 0, 0, 1 }, 0 };
	size_t len = query_wire(&(struct question){ .name = "www.example.test.service.gemel" });
	for (size_t cap = 900; cap < 3000; cap += 97) {
		size_t asked = query_wire(&(struct question){ .name = "explain.www.example.test.service.gemel" });
		reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = false, .addr = &a }, wire, asked, reply, cap);
		ck_assert_uint_le(reply_len, cap);
		ck_assert_uint_gt(reply_len, cap - 400);
		ck_assert_ptr_nonnull(strstr(said(), "\n\"more=yes\"\n"));
	}
	len = query_wire(&(struct question){ .name = "www.example.test.service.gemel" });
	for (size_t cap = 512; cap < 3000; cap += 97) {
		reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = false, .addr = &a }, wire, len, reply, cap);
		ck_assert_uint_le(reply_len, cap);
		ck_assert_uint_gt(reply_len, cap - 300);
		snprintf(lines, sizeof lines, "%s", said());
		ck_assert_ptr_nonnull(strstr(lines, "\n\"more=yes\"\n"));
		ck_assert_ptr_null(strstr(lines, " tc"));
	}
}
END_TEST

START_TEST(edns_is_echoed)
{
	ASK(.name = "id.server", .edns = 4096);
	ldns_pkt *p = NULL;
	ck_assert_int_eq(ldns_wire2pkt(&p, reply, reply_len), LDNS_STATUS_OK);
	ck_assert(ldns_pkt_edns(p));
	ck_assert_uint_eq(ldns_pkt_edns_udp_size(p), 1232);
	ck_assert(ldns_pkt_edns_do(p));
	ldns_pkt_free(p);
	ASK(.name = "id.server");
	ck_assert_int_eq(ldns_wire2pkt(&p, reply, reply_len), LDNS_STATUS_OK);
	ck_assert(!ldns_pkt_edns(p));
	ldns_pkt_free(p);
	ASK(.name = "id.server", .edns = 4096, .version = 1);
	ck_assert_int_eq(ldns_wire2pkt(&p, reply, reply_len), LDNS_STATUS_OK);
	ck_assert_uint_eq(ldns_pkt_edns_extended_rcode(p), 1); /* BADVERS */
	ck_assert_uint_eq(ldns_pkt_ancount(p), 0);
	ldns_pkt_free(p);
}
END_TEST

START_TEST(the_cookie_that_the_responder_made)
{
	struct ctl_host h = host();
	struct addr a;
	const struct ctl_dns_from from = { .udp = true, .addr = &a, .cookie = (const uint8_t *)"24 octets of the cookie.", .cookie_len = 24 };
	ck_assert_int_eq(addr_parse(&a, "127.0.0.1", 9, 5353), 0);
	size_t len = query_wire(&(struct question){ .name = "id.server", .edns = 1232 });
	ASK(.name = "id.server", .edns = 1232);
	const size_t without = reply_len;
	reply_len = ctl_dns_answer(&h, &from, wire, len, reply, sizeof reply);
	ck_assert_uint_eq(reply_len, without + 28);
	ck_assert_mem_eq(reply + without, "\0\x0a\0\x18" "24 octets of the cookie.", 28);
	(void)said(); /* sound */
	len = query_wire(&(struct question){ .name = "id.server" }); /* no OPT, no place for it */
	reply_len = ctl_dns_answer(&h, &from, wire, len, reply, sizeof reply);
	ck_assert_uint_eq(reply_len, without - 11);
}
END_TEST

START_TEST(nsid_when_asked_and_configured)
{
	struct plan_node *n = (struct plan_node *)(uintptr_t)&w.plan->nodes[w.plan->self];
	ASK(.name = "id.server", .edns = 1232, .nsid = true);
	ck_assert_ptr_null(memmem(reply, reply_len, "\0\3\0\4one!", 8));
	n->nsid = "one!";
	ASK(.name = "id.server", .edns = 1232, .nsid = true);
	ck_assert_ptr_nonnull(memmem(reply, reply_len, "\0\3\0\4one!", 8));
	ck_assert_str_eq(said(), "NOERROR aa\n\"ns1\"\n");
	ASK(.name = "id.server", .edns = 1232);
	ck_assert_ptr_null(memmem(reply, reply_len, "\0\3\0\4one!", 8));
}
END_TEST

/* ---- hostile queries ---- */

START_TEST(a_query_cut_anywhere_is_answered_or_dropped)
{
	struct ctl_host h = host();
	struct addr a = { 4, { 127, 0, 0, 1 }, 0 };
	size_t len = query_wire(&(struct question){ .name = "www.example.test.service.gemel", .edns = 1232, .nsid = true });
	for (size_t n = 0; n < len; n++) {
		uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees one octet too many */
		memcpy(exact, wire, n);
		reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = true, .addr = &a }, exact, n, reply, sizeof reply);
		free(exact);
		if (n < DNS_HEADER_LEN)
			ck_assert_uint_eq(reply_len, 0);
		else
			ck_assert_uint_eq(reply[3] & 15, DNS_RCODE_FORMERR);
	}
}
END_TEST

/* The responder hands over none of these; whoever does gets an answer, not a walk over a question that is not there. */
START_TEST(other_messages_than_questions)
{
	static const struct { const char *wire; size_t len; unsigned rcode; } rows[] = {
		{ "\0\1\0\0\0\0\0\0\0\0\0\1" "\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" "01234567", 35, DNS_RCODE_FORMERR },
		{ "\0\1\x20\0\0\1\0\0\0\0\0\0" "\6status\5gemel\0\0\6\0\3", 30, DNS_RCODE_NOTIMP },
		{ "\0\1\x28\0\0\1\0\0\0\0\0\0" "\6status\5gemel\0\0\6\0\3", 30, DNS_RCODE_NOTIMP },
	};
	struct ctl_host h = host();
	struct addr a = { 4, { 127, 0, 0, 1 }, 0 };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = true, .addr = &a }, (const uint8_t *)rows[i].wire, rows[i].len, reply, sizeof reply);
		ck_assert_uint_gt(reply_len, DNS_HEADER_LEN);
		ck_assert_uint_eq(reply[3] & 15, rows[i].rcode);
	}
}
END_TEST

START_TEST(random_octets_harm_nothing)
{
	struct ctl_host h = host();
	struct addr a = { 4, { 127, 0, 0, 1 }, 0 };
	srandom(14u + (unsigned)_i);
	for (int round = 0; round < 20000; round++) {
		size_t len = query_wire(&(struct question){ .name = "explain.www.example.test.service.gemel", .edns = 600 });
		for (long flips = random() % 6; flips; flips--)
			wire[(size_t)random() % len] ^= (uint8_t)(1u << random() % 8);
		reply_len = ctl_dns_answer(&h, &(struct ctl_dns_from){ .udp = random() & 1, .addr = &a }, wire, len, reply, sizeof reply);
		ck_assert_msg(reply_len == 0 || (reply_len >= DNS_HEADER_LEN && (reply[2] & 0x80)), "seed %d round %d", _i, round);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl_dns");
	TCase *t = tcase_create("dns");
	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_name_has_its_answer, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, the_question_comes_back_as_it_was_asked);
	tcase_add_test(t, status);
	tcase_add_test(t, services);
	tcase_add_test(t, members_of_a_service);
	tcase_add_test(t, shares_of_members);
	tcase_add_test(t, forced_members);
	tcase_add_test(t, nothing_is_not_up);
	tcase_add_test(t, explained);
	tcase_add_test(t, a_name_below_a_wildcard_is_explained_by_it);
	tcase_add_test(t, a_twin_is_told);
	tcase_add_test(t, status_from_of_the_configuration_counts);
	tcase_add_test(t, sizes_are_respected);
	tcase_add_test(t, what_tcp_cannot_hold_says_so);
	tcase_add_test(t, edns_is_echoed);
	tcase_add_test(t, nsid_when_asked_and_configured);
	tcase_add_test(t, the_cookie_that_the_responder_made);
	tcase_add_test(t, a_query_cut_anywhere_is_answered_or_dropped);
	tcase_add_test(t, other_messages_than_questions);
	tcase_add_loop_test(t, random_octets_harm_nothing, 0, 3);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
