/* Probes over TLS against servers that behave, and servers that do not. */
#include "io/tls.h"
#include "tests/unit/probe_kit.h"
#include "tests/unit/tls_kit.h"
#include "tests/unit/unit.h"

static struct ca ca, other_ca;
static struct leaf good, expired, early, elsewhere, by_address, client;

static void make_certificates(void)
{
	ca_make(&ca, "Test CA");
	ca_make(&other_ca, "Other CA");
	leaf_make(&good, &ca, "DNS:www.example.test,DNS:b.example.test,IP:127.0.0.9", -1, 30);
	leaf_make(&expired, &ca, "DNS:www.example.test", -30, -1);
	leaf_make(&early, &ca, "DNS:www.example.test", 2, 30);
	leaf_make(&elsewhere, &ca, "DNS:a.example.test,DNS:*.wild.test", -1, 30);
	leaf_make(&by_address, &ca, "IP:127.0.0.1", -1, 30);
	leaf_make(&client, &ca, "DNS:prober.example.test", -1, 30);
}

/* Scripts find the texts as `ca`, `other_ca`, `cert`, `key`. */
static void add_probe(struct kit *k, const char *body, uint16_t port, uint32_t timeout_ms)
{
	char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "local ca, other_ca, cert, key = [[%s]], [[%s]], [[%s]], [[%s]] %s", ca.pem,
				  other_ca.pem, client.cert_pem, client.key_pem, body), 0);
	kit_add(k, text, port, timeout_ms);
	free(text);
}

static struct health_result probe_once(const struct leaf *l, enum tls_habit habit, const char *text, const char *body,
				       uint32_t timeout_ms)
{
	struct tls_server s;
	struct health_result r;
	struct kit k;

	tls_server_start(&s, l, habit, text);
	kit_open(&k, 100);
	add_probe(&k, body, s.port, timeout_ms);
	kit_run(&k, 0);
	r = k.results[0];
	kit_close(&k);
	tls_server_stop(&s);
	return r;
}

#define CONNECT(options) "local c <close> = net.connect(target.address, port, { tls = { " options " } }) "
#define TALK "c:send('hello\\n') return true, c:readline() "

static const struct meeting {
	const struct leaf *leaf;
	enum tls_habit habit;
	const char *text, *body;
	uint32_t timeout_ms;
	enum health_reason reason;
	const char *detail; /* part of it */
} meetings[] = {
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_CUT, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_12, "hi\n", CONNECT("ca = ca") TALK ".. c:tls().protocol", 5000, HEALTH_OK, "hiTLSv1.2" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, name = 'b.example.test.'") TALK, 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_SAY, "hi", CONNECT("ca = ca") "c:send('x') c:readline()", 5000, HEALTH_READ_CLOSED, "within a line" },
	/* the certificate */
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("") TALK, 5000, HEALTH_TLS_UNTRUSTED, "certificate" },
	{ &good, HABIT_TLS_SAY, "hi\n", "local c <close> = net.connect(target.address, port, { tls = true }) " TALK, 5000,
	  HEALTH_TLS_UNTRUSTED, "port" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = other_ca") TALK, 5000, HEALTH_TLS_UNTRUSTED, NULL },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = other_ca, verify = false") TALK, 5000, HEALTH_OK, "hi" },
	{ &expired, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_EXPIRED, ": on 20" },
	{ &early, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "not yet valid" },
	{ &elsewhere, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_NAME,
	  "it is for a.example.test, *.wild.test" },
	{ &elsewhere, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, name = 'x.wild.test'") TALK, 5000, HEALTH_OK, "hi" },
	{ &elsewhere, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, name = 'y.x.wild.test'") TALK, 5000, HEALTH_TLS_NAME, NULL },
	{ &by_address, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, name = target.address") TALK, 5000, HEALTH_OK, "hi" },
	{ &by_address, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, name = '127.0.0.2'") TALK, 5000, HEALTH_TLS_NAME, "127.0.0.1" },
	/* the client's */
	{ &good, HABIT_TLS_CLIENT, "hi\n", CONNECT("ca = ca, cert = cert, key = key") TALK, 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_CLIENT, "hi\n", CONNECT("ca = ca, cert = cert .. key") TALK, 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_CLIENT, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "alert certificate required" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = 'nonsense'") TALK, 5000, HEALTH_SCRIPT_ERROR, "ca: not" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca:sub(1, #ca - 60)") TALK, 5000, HEALTH_SCRIPT_ERROR, "ca: not" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, cert = cert, key = 'x'") TALK, 5000, HEALTH_SCRIPT_ERROR, "key: not" },
	{ &good, HABIT_TLS_SAY, "hi\n", CONNECT("ca = ca, cert = ca, key = key") TALK, 5000, HEALTH_SCRIPT_ERROR,
	  "key: not the certificate's" },
	/* agreements */
	{ &good, HABIT_TLS_ALPN, "hi\n", CONNECT("ca = ca, alpn = 'h2,http/1.1'") TALK ".. c:tls().alpn", 5000, HEALTH_OK, "hih2" },
	{ &good, HABIT_TLS_ALPN, "hi\n", CONNECT("ca = ca, alpn = { 'x', 'h2' }") TALK ".. c:tls().alpn", 5000, HEALTH_OK, "hih2" },
	{ &good, HABIT_TLS_ALPN, "hi\n", CONNECT("ca = ca") TALK ".. tostring(c:tls().alpn)", 5000, HEALTH_OK, "hinil" },
	{ &good, HABIT_TLS_OLD, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "alert protocol version" },
	{ &good, HABIT_TLS_DHE, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "alert handshake failure" },
	/* hostile */
	{ &good, HABIT_TLS_TICKETS, "hi\n", CONNECT("ca = ca") TALK, 300, HEALTH_READ_TIMEOUT, NULL },
	{ &good, HABIT_TLS_FLOOD, "", CONNECT("ca = ca") TALK, 5000, HEALTH_REPLY_WRONG, "a line of more than 8192" },
	{ &good, HABIT_TLS_CHAIN, "hi\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "excessive message size" },
	{ &good, HABIT_TLS_HALF, "", CONNECT("ca = ca") TALK, 200, HEALTH_TLS_TIMEOUT, "port" },
	{ &good, HABIT_TLS_SILENT, "", CONNECT("ca = ca") TALK, 100, HEALTH_TLS_TIMEOUT, "port" },
	{ &good, HABIT_TLS_SILENT, "", "net.connect(target.address, port, { tls = { ca = ca }, timeout = 0.05 })", 5000,
	  HEALTH_TLS_TIMEOUT, "port" },
	{ &good, HABIT_TLS_DRIP, "", CONNECT("ca = ca") TALK, 300, HEALTH_TLS_TIMEOUT, NULL },
	{ &good, HABIT_TLS_HALF_CLOSE, "", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "connection closed" },
	{ &good, HABIT_TLS_CLOSE, "", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "connection closed" },
	{ &good, HABIT_TLS_RESET, "", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "connection reset" },
	{ &good, HABIT_TLS_PLAIN, "SSH-2.0-OpenSSH_9\r\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "not TLS" },
	{ &good, HABIT_TLS_PLAIN, "HTTP/1.1 400 Bad Request\r\n\r\n", CONNECT("ca = ca") TALK, 5000, HEALTH_TLS_FAILED, "not TLS" },
	/* after a failure the run goes on */
	{ &good, HABIT_TLS_SAY, "hi\n",
	  "for i = 1, 20 do assert(not pcall(net.connect, target.address, port, { tls = { ca = other_ca } })) end " CONNECT(
		  "ca = ca") TALK, 5000, HEALTH_OK, "hi" },
	/* what the handshake gave */
	{ &expired, HABIT_TLS_SAY, "", "local i = tls.info(target, { port = port, ca = ca }) return not i.verified, "
	  "i.fault .. ' ' .. math.floor(i.days_left) .. ' ' .. i.names[1] .. ' ' .. i.chain", 5000, HEALTH_OK,
	  "certificate has expired -2 www.example.test 2" },
	{ &good, HABIT_TLS_SAY, "", "local i = tls.info('127.0.0.1', { port = port, ca = ca }) return i.verified and not i.fault, "
	  "math.floor(i.days_left) .. ' ' .. table.concat(i.names, ' ') .. ' ' .. i.subject .. ' ' .. i.issuer .. ' ' .. "
	  "i.protocol", 5000, HEALTH_OK,
	  "29 www.example.test b.example.test 127.0.0.9 CN=a leaf CN=Test CA TLSv1.3" },
	{ &elsewhere, HABIT_TLS_SAY, "", "local i = tls.info(target, { port = port, ca = ca }) return true, i.fault", 5000,
	  HEALTH_OK, "hostname mismatch" },
	{ &good, HABIT_TLS_SILENT, "", "net.connect(target.address, port):tls()", 5000, HEALTH_SCRIPT_ERROR, "no TLS" },
	/* HTTP */
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
	  "return true, http.get(target, { port = port, tls = { ca = ca }, expect = 200 }).body", 5000, HEALTH_OK, "hi" },
	{ &good, HABIT_TLS_CUT, "HTTP/1.0 200 OK\r\n\r\nto the end",
	  "return true, http.get(target, { port = port, tls = { ca = ca } }).body", 5000, HEALTH_OK, "to the end" },
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 200 OK\r\n\r\n",
	  "return true, http.get(target, { port = port, tls = { ca = ca }, host = 'b.example.test:8443' }).body", 5000,
	  HEALTH_OK, NULL },
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 200 OK\r\n\r\n",
	  "return true, http.get(target, { port = port, tls = { ca = ca }, host = 'c.example.test' }).body", 5000,
	  HEALTH_TLS_NAME, "www.example.test" },
	{ &good, HABIT_TLS_FLOOD, "",
	  "return true, http.get(target, { port = port, tls = { ca = ca } }).body", 5000, HEALTH_HTTP_BROKEN, "too long" },
	/* redirects */
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
	  "return true, http.get(target, { port = port, tls = { ca = ca }, redirects = 3 }).status", 5000, HEALTH_OK, "302" },
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
	  "http.get(target, { port = port, tls = { ca = ca }, redirects = 3, expect = '2xx' })", 5000, HEALTH_HTTP_STATUS,
	  "302, expected 2xx" },
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 301 Moved\r\nLocation: http://www.example.test/\r\nContent-Length: 0\r\n\r\n",
	  "http.get(target, { port = port, tls = { ca = ca }, redirects = 3 })", 5000, HEALTH_HTTP_STATUS, "from TLS to plain" },
	{ &good, HABIT_TLS_SAY, "HTTP/1.1 301 Moved\r\nLocation: ftp://www.example.test/\r\nContent-Length: 0\r\n\r\n",
	  "http.get(target, { port = port, tls = { ca = ca }, redirects = 3 })", 5000, HEALTH_HTTP_BROKEN, "cannot be followed" },
	{ &good, HABIT_TLS_SILENT, "", "http.get(target, { port = port, tls = { ca = ca } })", 100, HEALTH_TLS_TIMEOUT, "port" },
};

START_TEST(a_probe_meets_a_server)
{
	const struct meeting *m = &meetings[_i];
	struct health_result r;

	do /* a probe that this process itself held up found nothing out: the core asks again, too */
		r = probe_once(m->leaf, m->habit, m->text, m->body, m->timeout_ms);
	while (r.reason == HEALTH_LOCAL_LAG);
	ck_assert_msg(r.reason == m->reason, "habit %d, %s: %s (%s)", (int)m->habit, m->body,
		      health_reason_text(r.reason), r.detail);
	if (m->detail != NULL)
		ck_assert_msg(strstr(r.detail, m->detail) != NULL, "%s: %s", m->body, r.detail);
}
END_TEST

/* Asked for a new handshake, a client may refuse and go on, or end: it must not hang, nor shake hands for ever. */
START_TEST(renegotiation_leads_nowhere)
{
	struct health_result r =
		probe_once(&good, HABIT_TLS_AGAIN, "hi\n", CONNECT("ca = ca") TALK, 5000);

	ck_assert_msg(r.reason == HEALTH_OK || r.reason == HEALTH_READ_CLOSED || r.reason == HEALTH_TLS_FAILED, "%s (%s)",
		      health_reason_text(r.reason), r.detail);
}
END_TEST

/* A probe is taken away wherever its handshake is; ASan sees to the rest. */
START_TEST(cancelling_leaves_nothing)
{
	static const enum tls_habit habits[] = { HABIT_TLS_SAY, HABIT_TLS_HALF, HABIT_TLS_SILENT, HABIT_TLS_DRIP,
						 HABIT_TLS_TICKETS };

	for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
		for (unsigned turns = 0; turns < 12; turns++) {
			struct tls_server s;
			struct kit k;

			tls_server_start(&s, &good, habits[i], "hi\n");
			kit_open(&k, 100);
			for (int n = 0; n < 3; n++)
				add_probe(&k, CONNECT("ca = ca") TALK, s.port, 5000);
			for (unsigned t = 0; t < turns && k.open > 0; t++)
				event_base_loop(k.base, EVLOOP_ONCE);
			probes_cancel(k.probes);
			kit_close(&k);
			tls_server_stop(&s);
		}
}
END_TEST

/* Handshakes cost the processor: a turn does no more of them than fit, and what waits for a plain target is not late. */
START_TEST(handshakes_take_turns)
{
	struct probes_stats st;
	struct tls_server s[8];
	struct kit k;

	kit_open(&k, 100);
	for (int i = 0; i < 8; i++)
		tls_server_start(&s[i], &good, HABIT_TLS_SAY, "hi\n");
	for (unsigned i = 0; i < 40; i++)
		add_probe(&k, CONNECT("ca = ca") TALK, s[i % 8].port, 20000);
	kit_run(&k, 0);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_msg(k.results[i].reason == HEALTH_OK, "%s (%s)", health_reason_text(k.results[i].reason),
			      k.results[i].detail);
	probes_get_stats(k.probes, &st);
	ck_assert_uint_ge(st.crypto_steps, 40);
	printf("handshakes: 40 in %llu steps, %llu us each; longest turn %llu us\n", (unsigned long long)st.crypto_steps,
	       (unsigned long long)st.crypto_us / 40, (unsigned long long)st.turn_max_us);
	kit_close(&k);
	for (int i = 0; i < 8; i++)
		tls_server_stop(&s[i]);
}
END_TEST

/* A connection more than may be open waits for another to close, and is nobody's failure if none does. */
START_TEST(too_many_connections_wait)
{
	struct tls_server s, silent;
	struct kit k;

	kit_open(&k, 100);
	probes_limit_tls(k.probes, 2);
	tls_server_start(&s, &good, HABIT_TLS_SAY, "hi\n");
	for (unsigned i = 0; i < 20; i++)
		add_probe(&k, CONNECT("ca = ca") "sleep(0.005) " TALK, s.port, 20000);
	kit_run(&k, 0);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_msg(k.results[i].reason == HEALTH_OK, "%s (%s)", health_reason_text(k.results[i].reason),
			      k.results[i].detail);
	tls_server_start(&silent, &good, HABIT_TLS_SILENT, "");
	for (unsigned i = 0; i < 2; i++)
		add_probe(&k, CONNECT("ca = ca") "return true", silent.port, 600);
	for (unsigned i = 0; i < 2; i++)
		add_probe(&k, i == 0 ? CONNECT("ca = ca") "return true" :
				       "pcall(net.connect, target.address, port, { timeout = 0.1, tls = { ca = ca } }) return false",
			  s.port, 300);
	kit_run(&k, 0);
	for (unsigned i = 20; i < 24; i++)
		ck_assert_msg(k.results[i].reason == (i < 22 ? HEALTH_TLS_TIMEOUT : HEALTH_LOCAL_ERROR) &&
				      (i < 22 || strcmp(k.results[i].detail, "too many TLS connections at once") == 0),
			      "%u: %s (%s)", i, health_reason_text(k.results[i].reason), k.results[i].detail);
	/* cancelled while they wait */
	for (unsigned i = 0; i < 4; i++)
		add_probe(&k, CONNECT("ca = ca") "return true", silent.port, 5000);
	for (unsigned t = 0; t < 8; t++)
		event_base_loop(k.base, EVLOOP_ONCE);
	probes_cancel(k.probes);
	kit_close(&k);
	tls_server_stop(&silent);
	tls_server_stop(&s);
}
END_TEST

START_TEST(keys_fit_their_certificates)
{
	struct script_pem good_cert = { good.cert_pem, strlen(good.cert_pem) }, good_key = { good.key_pem, strlen(good.key_pem) };
	struct script_pem client_key = { client.key_pem, strlen(client.key_pem) }, none = { "nothing", 7 };
	struct script_pem cut = { good.key_pem, strlen(good.key_pem) / 2 };

	ck_assert(tls_key_fits(&good_cert, &good_key));
	ck_assert(!tls_key_fits(&good_cert, &client_key));
	ck_assert(!tls_key_fits(&good_cert, &good_cert));
	ck_assert(!tls_key_fits(&good_cert, &none));
	ck_assert(!tls_key_fits(&good_cert, &cut));
	ck_assert(!tls_key_fits(&none, &good_key));
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_unchecked_fixture(tc, make_certificates, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_probe_meets_a_server, 0, (int)(sizeof meetings / sizeof *meetings));
	tcase_add_test(tc, renegotiation_leads_nowhere);
	tcase_add_test(tc, cancelling_leaves_nothing);
	tcase_add_test(tc, handshakes_take_turns);
	tcase_add_test(tc, too_many_connections_wait);
	tcase_add_test(tc, keys_fit_their_certificates);
	return unit_run_case("probe_tls", tc);
}
