/* Connections. See tls.h. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/addr.h"
#include "io/tls_state.h"

/* ---- the socket, as OpenSSL sees it ---- */

static int socket_read(BIO *b, char *data, int len)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	if (t->budget == 0) { /* enough for one call: others have their turn, and the socket stays readable */
		BIO_set_retry_read(b);
		return -1;
	}
	n = recv(t->fd, data, (size_t)len < t->budget ? (size_t)len : t->budget, 0);
	if (n > 0) {
		t->budget -= (size_t)n;
	} else if (n == 0) {
		t->ended = true;
	} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
		BIO_set_retry_read(b);
	} else {
		t->error = errno;
	}
	return (int)n;
}

static int socket_write(BIO *b, const char *data, int len)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	n = send(t->fd, data, (size_t)len, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_write(b);
	else if (n < 0)
		t->error = errno;
	return (int)n;
}

static long socket_ctrl(BIO *b, int what, long number, void *data)
{
	struct tls *t = BIO_get_data(b);

	(void)number;
	(void)data;
	if (what == BIO_CTRL_EOF)
		return t->ended;
	return what == BIO_CTRL_FLUSH; /* nothing is held back */
}

/* Made once, never freed: it belongs to the process, as OpenSSL's own do. */
static BIO_METHOD *socket_method(void)
{
	static BIO_METHOD *method;
	int type = method == NULL ? BIO_get_new_index() : -1;
	BIO_METHOD *m = type > 0 ? BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "probe") : NULL;

	if (m == NULL)
		return method;
	if (BIO_meth_set_read(m, socket_read) && BIO_meth_set_write(m, socket_write) &&
	    BIO_meth_set_ctrl(m, socket_ctrl))
		method = m;
	else
		BIO_meth_free(m);
	return method;
}

/* ---- making one ---- */

static bool set_alpn(SSL *ssl, const char *list)
{
	uint8_t wire[256]; /* length and name of each; a list of 255 octets makes 256 */
	size_t n = 0;

	for (const char *p = list; *p != '\0'; p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (len == 0 || n + 1 + len > sizeof wire)
			return false;
		wire[n++] = (uint8_t)len;
		memcpy(wire + n, p, len);
		n += len;
		p += len;
	}
	return n == 0 || SSL_set_alpn_protos(ssl, wire, (unsigned)n) == 0;
}

/* RFC 6125, RFC 9525: a wildcard stands for one whole label. */
static bool set_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	size_t len = strlen(name);
	char host[256];
	struct addr a;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0)
		return true;
	if (len >= sizeof host)
		return false;
	memcpy(host, name, len);
	host[len] = '\0';
	if (addr_parse(&a, host, len, 0) == 0)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, len) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int set_up(struct tls *t, SSL_CTX *ctx, const struct script_tls *o)
{
	BIO *b = socket_method() != NULL ? BIO_new(socket_method()) : NULL;

	t->ssl = SSL_new(ctx);
	if (t->ssl == NULL || b == NULL) {
		BIO_free(b);
		return ERR_NOMEM;
	}
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b); /* takes it */
	SSL_set_connect_state(t->ssl);
	SSL_set_app_data(t->ssl, t);
	SSL_set_verify(t->ssl, o->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tls_verified);
	if (!o->verify)
		SSL_set_security_level(t->ssl, 0); /* it only looks: a short key is no reason not to */
	return set_name(t->ssl, o->name) && set_alpn(t->ssl, o->alpn) ? 0 : ERR_NOMEM;
}

int tls_new(struct tls **out, struct tls_contexts *c, int fd, const struct script_tls *options,
	    char detail[HEALTH_DETAIL_MAX])
{
	SSL_CTX *ctx = NULL;
	struct tls *t;
	int err;

	ERR_clear_error();
	err = tls_context_get(c, options, &ctx, detail);
	if (err != 0)
		return err;
	if (!tls_context_open(c))
		return ERR_LIMIT;
	t = calloc(1, sizeof *t);
	if (t == NULL) {
		tls_context_close(c);
		return ERR_NOMEM;
	}
	t->contexts = c;
	t->fd = fd;
	err = set_up(t, ctx, options);
	if (err != 0)
		tls_free(t);
	else
		*out = t;
	return err;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	ERR_clear_error();
	if (t->open)
		(void)SSL_shutdown(t->ssl); /* one try: nobody waits for the answer */
	SSL_free(t->ssl);
	tls_context_close(t->contexts);
	free(t->info);
	free(t);
	ERR_clear_error();
}

/* ---- calls ---- */

static void call_begin(struct tls *t)
{
	ERR_clear_error();
	t->budget = TLS_CALL_MAX;
	t->error = 0;
}

static enum tls_status call_end(struct tls *t, int result)
{
	if (result > 0)
		return TLS_DONE;
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		t->open = false;
		t->fault = ERR_peek_error();
		return t->ended ? TLS_END : TLS_FAILED;
	}
}

enum tls_status tls_handshake(struct tls *t)
{
	enum tls_status s;

	call_begin(t);
	s = call_end(t, SSL_do_handshake(t->ssl));
	t->open = s == TLS_DONE;
	return s == TLS_END ? TLS_FAILED : s;
}

enum tls_status tls_read(struct tls *t, void *data, size_t len, size_t *n)
{
	call_begin(t);
	return call_end(t, SSL_read_ex(t->ssl, data, len, n));
}

enum tls_status tls_write(struct tls *t, const void *data, size_t len, size_t *n)
{
	enum tls_status s;

	call_begin(t);
	s = call_end(t, SSL_write_ex(t->ssl, data, len, n));
	return s == TLS_END ? TLS_FAILED : s;
}

/* ---- what went wrong ---- */

/* A server without TLS answers a ClientHello with words of its own. */
static bool is_no_tls(int reason)
{
	return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
	       reason == SSL_R_UNKNOWN_PROTOCOL;
}

static enum health_reason library_fault(const struct tls *t, char detail[HEALTH_DETAIL_MAX])
{
	const char *text = ERR_reason_error_string(t->fault);
	int reason = ERR_GET_REASON(t->fault);

	if (reason == ERR_R_MALLOC_FAILURE) {
		snprintf(detail, HEALTH_DETAIL_MAX, "out of memory");
		return HEALTH_LOCAL_ERROR;
	}
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && t->judged != HEALTH_REASON_NONE) {
		snprintf(detail, HEALTH_DETAIL_MAX, "%s", t->about);
		return t->judged;
	}
	snprintf(detail, HEALTH_DETAIL_MAX, "%s", is_no_tls(reason) ? "the answer is not TLS" : text != NULL ? text : "?");
	return HEALTH_TLS_FAILED;
}

/* Reset and end are as good as a wrong answer while hands are shaken: the target did it. */
enum health_reason tls_failure(const struct tls *t, int *error, char detail[HEALTH_DETAIL_MAX])
{
	bool shaking = !SSL_is_init_finished(t->ssl);

	if (t->error == ECONNRESET || t->error == EPIPE)
		snprintf(detail, HEALTH_DETAIL_MAX, "connection reset");
	else if (t->ended)
		snprintf(detail, HEALTH_DETAIL_MAX, "connection closed");
	else if (t->error == 0)
		return library_fault(t, detail);
	if (shaking && (t->ended || t->error == ECONNRESET || t->error == EPIPE))
		return HEALTH_TLS_FAILED;
	*error = t->error != 0 ? t->error : EPIPE;
	return HEALTH_REASON_NONE;
}
