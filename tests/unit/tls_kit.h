/* A CA made on the spot, and TLS servers in child processes, as well-behaved as their habit.
 *
 *     struct ca ca;  ca_make(&ca, "Test CA");
 *     struct leaf l; leaf_make(&l, &ca, "www.example.test", -1, 30);          valid from yesterday, for 30 days
 *     struct tls_server s; tls_server_start(&s, &l, HABIT_TLS_SAY, "hello\n");   → s.port
 *     tls_server_stop(&s);
 */
#ifndef GEMEL_TESTS_TLS_KIT_H
#define GEMEL_TESTS_TLS_KIT_H
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	char pem[4096];
};
struct leaf {
	EVP_PKEY *key;
	X509 *cert;
	X509 *ca; /* sent with it */
	char cert_pem[4096], key_pem[4096];
};

static long kit_serial = 1;

static void put_pem(char out[4096], X509 *cert, EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *data;
	long len;

	ck_assert_int_eq(cert != NULL ? PEM_write_bio_X509(b, cert)
				      : PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(b, &data);
	ck_assert_int_lt(len, 4096);
	memcpy(out, data, (size_t)len);
	out[len] = '\0';
	BIO_free(b);
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *cert_new(EVP_PKEY *key, const char *name, int from_day, int to_day)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), kit_serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), from_day * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(x), to_day * 86400L);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	return x;
}

static void ca_make(struct ca *ca, const char *name)
{
	ca->key = EVP_EC_gen("P-256");
	ca->cert = cert_new(ca->key, name, -1, 3650);
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	ck_assert_int_gt(X509_sign(ca->cert, ca->key, EVP_sha256()), 0);
	put_pem(ca->pem, ca->cert, NULL);
}

/* names: "DNS:a,DNS:b,IP:127.0.0.1" */
static void leaf_make(struct leaf *l, const struct ca *ca, const char *names, int from_day, int to_day)
{
	l->key = EVP_EC_gen("P-256");
	l->cert = cert_new(l->key, "a leaf", from_day, to_day);
	l->ca = ca->cert;
	X509_set_issuer_name(l->cert, X509_get_subject_name(ca->cert));
	add_extension(l->cert, ca->cert, NID_subject_alt_name, names);
	ck_assert_int_gt(X509_sign(l->cert, ca->key, EVP_sha256()), 0);
	put_pem(l->cert_pem, l->cert, NULL);
	put_pem(l->key_pem, NULL, l->key);
}

/* ---- servers ---- */

enum tls_habit {
	HABIT_TLS_SAY = 1,  /* takes a line, says its text, says goodbye */
	HABIT_TLS_CUT,      /* the same without a goodbye */
	HABIT_TLS_CLIENT,   /* wants a client's certificate of its own CA; as SAY */
	HABIT_TLS_ALPN,     /* picks "h2" */
	HABIT_TLS_OLD,      /* knows TLS 1.1 at most */
	HABIT_TLS_12,       /* knows TLS 1.2 at most */
	HABIT_TLS_DHE,      /* offers finite-field DH alone */
	HABIT_TLS_AGAIN,    /* TLS 1.2, asks for a new handshake before it answers */
	HABIT_TLS_TICKETS,  /* session tickets without end */
	HABIT_TLS_FLOOD,    /* octets without end */
	HABIT_TLS_CHAIN,    /* a chain of 200,000 octets */
	HABIT_TLS_HALF,     /* half of its first answer, then silence */
	HABIT_TLS_HALF_CLOSE, /* half of it, then the end */
	HABIT_TLS_DRIP,     /* an octet every 20 ms */
	HABIT_TLS_SILENT,   /* takes the connection and says nothing */
	HABIT_TLS_CLOSE, HABIT_TLS_RESET, /* once the ClientHello is here */
	HABIT_TLS_PLAIN     /* says its text without TLS */
};
struct tls_server {
	pid_t pid;
	uint16_t port;
};

static int pick_h2(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len,
		   void *ctx)
{
	(void)ssl;
	(void)ctx;
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, len, (const unsigned char *)"\x02h2", 3, in, in_len) ==
			       OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *server_context(const struct leaf *l, enum tls_habit habit)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(ctx, l->cert);
	SSL_CTX_use_PrivateKey(ctx, l->key);
	SSL_CTX_add1_chain_cert(ctx, l->ca);
	SSL_CTX_set_security_level(ctx, 0);
	for (int i = 0; habit == HABIT_TLS_CHAIN && i < 500; i++)
		SSL_CTX_add1_chain_cert(ctx, l->ca);
	if (habit == HABIT_TLS_CLIENT) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), l->ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	if (habit == HABIT_TLS_ALPN)
		SSL_CTX_set_alpn_select_cb(ctx, pick_h2, NULL);
	if (habit == HABIT_TLS_OLD)
		SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	if (habit == HABIT_TLS_12 || habit == HABIT_TLS_DHE || habit == HABIT_TLS_AGAIN)
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if (habit == HABIT_TLS_DHE) {
		SSL_CTX_set_dh_auto(ctx, 1);
		SSL_CTX_set_cipher_list(ctx, "kDHE:@SECLEVEL=0");
	}
	return ctx;
}

/* Half a handshake: what a server would say goes to memory first. */
static void serve_oddly(int fd, SSL_CTX *ctx, enum tls_habit habit, const char *text)
{
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	char hello[4096], *answer;
	ssize_t n = habit == HABIT_TLS_SILENT ? 0 : recv(fd, hello, sizeof hello, 0);
	long len;

	if (habit == HABIT_TLS_CLOSE || habit == HABIT_TLS_SILENT)
		return;
	if (habit == HABIT_TLS_RESET) {
		struct linger rst = { .l_onoff = 1 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
		return;
	}
	if (habit == HABIT_TLS_PLAIN) {
		(void)!write(fd, text, strlen(text));
		return;
	}
	BIO_write(in, hello, (int)n);
	SSL_set_bio(ssl, in, out);
	SSL_accept(ssl);
	len = BIO_get_mem_data(out, &answer);
	for (long i = 0; i < (habit == HABIT_TLS_DRIP ? len : 1); i++) {
		size_t step = habit == HABIT_TLS_DRIP ? 1 : (size_t)len / 2;

		if (write(fd, answer + i, step) <= 0)
			break;
		usleep(habit == HABIT_TLS_DRIP ? 20000 : 0);
	}
	SSL_free(ssl);
}

static void serve(int fd, SSL_CTX *ctx, enum tls_habit habit, const char *text)
{
	static char flood[16384];
	SSL *ssl = SSL_new(ctx);
	char line[4096];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, line, sizeof line) > 0) {
		while (habit == HABIT_TLS_TICKETS && SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1)
			;
		while (habit == HABIT_TLS_FLOOD && SSL_write(ssl, flood, sizeof flood) > 0)
			;
		if (habit == HABIT_TLS_AGAIN) {
			SSL_renegotiate(ssl);
			SSL_do_handshake(ssl);
		}
		SSL_write(ssl, text, (int)strlen(text));
		if (habit != HABIT_TLS_CUT)
			SSL_shutdown(ssl);
	}
	if (habit == HABIT_TLS_CLIENT) { /* what stands unread at the close would become a reset, and overtake the alert */
		shutdown(fd, SHUT_WR);
		while (read(fd, line, sizeof line) > 0)
			;
	}
	SSL_free(ssl);
}

static void serve_all(int listener, const struct leaf *l, enum tls_habit habit, const char *text)
{
	SSL_CTX *ctx = server_context(l, habit);
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (habit >= HABIT_TLS_HALF)
			serve_oddly(fd, ctx, habit, text);
		else
			serve(fd, ctx, habit, text);
		if (habit == HABIT_TLS_HALF || habit == HABIT_TLS_SILENT)
			continue; /* held open until the end */
		close(fd);
	}
	SSL_CTX_free(ctx);
}

static void tls_server_start(struct tls_server *s, const struct leaf *l, enum tls_habit habit, const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		serve_all(fd, l, habit, text);
		_exit(0);
	}
	close(fd);
}

static void tls_server_stop(struct tls_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

#endif
