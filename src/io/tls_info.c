/* What people may see of a handshake: the certificate in words. All of it is the peer's making, so it is bounded. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "io/clock.h"
#include "io/tls_state.h"

#define DAY_S 86400.0

struct text { /* appends, and cuts off what does not fit */
	char *out;
	size_t len, cap;
};

static void text_add(struct text *t, const void *data, size_t len)
{
	size_t room = t->cap - 1 - t->len;

	len = len < room ? len : room;
	memcpy(t->out + t->len, data, len);
	t->len += len;
	t->out[t->len] = '\0';
}

/* A name of the list, whole or not at all; a line's end within it would make two of one. */
static void text_add_name(struct text *t, const void *data, size_t len)
{
	if (len == 0 || memchr(data, '\n', len) != NULL || memchr(data, '\0', len) != NULL || t->cap - t->len < len + 2)
		return;
	text_add(t, data, len);
	text_add(t, "\n", 1);
}

/* RFC 4514, with UTF-8 and control characters escaped. */
static void put_dn(char *out, const X509_NAME *name)
{
	struct text t = { out, 0, TLS_INFO_TEXT_MAX };
	BIO *b = BIO_new(BIO_s_mem());
	char *data;
	long len;

	out[0] = '\0';
	if (b != NULL && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0 && (len = BIO_get_mem_data(b, &data)) > 0)
		text_add(&t, data, (size_t)len);
	BIO_free(b);
}

static void put_address(struct text *t, const ASN1_OCTET_STRING *ip)
{
	char text[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(ip);

	if ((len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof text) != NULL)
		text_add_name(t, text, strlen(text));
}

/* The subject's alternative names (RFC 5280 4.2.1.6): DNS names and addresses. */
static void put_names(char *out, X509 *cert)
{
	struct text t = { out, 0, TLS_INFO_TEXT_MAX };
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DNS)
			text_add_name(&t, ASN1_STRING_get0_data(n->d.dNSName),
				      (size_t)ASN1_STRING_length(n->d.dNSName));
		else if (n->type == GEN_IPADD)
			put_address(&t, n->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
}

static int64_t seconds_of(const ASN1_TIME *at)
{
	struct tm tm;

	memset(&tm, 0, sizeof tm);
	return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void put_times(struct script_tls_info *shown, const X509 *cert)
{
	shown->not_before_s = seconds_of(X509_get0_notBefore(cert));
	shown->not_after_s = seconds_of(X509_get0_notAfter(cert));
	shown->days_left = ((double)shown->not_after_s - (double)clock_wall_ms() / 1000) / DAY_S;
}

static void put_session(const struct tls *t, struct tls_info *info)
{
	const unsigned char *alpn;
	unsigned len;
	char *out = info->text + 3 * TLS_INFO_TEXT_MAX;

	SSL_get0_alpn_selected(t->ssl, &alpn, &len);
	snprintf(out, TLS_INFO_TEXT_MAX, "%.*s", (int)len, len > 0 ? (const char *)alpn : "");
	info->shown.alpn = out;
	info->shown.protocol = SSL_get_version(t->ssl);
	info->shown.cipher = SSL_get_cipher_name(t->ssl);
	info->shown.chain_len = (unsigned)sk_X509_num(SSL_get_peer_cert_chain(t->ssl));
	info->shown.fault = SSL_get_verify_result(t->ssl) == X509_V_OK
				    ? ""
				    : X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
}

const struct script_tls_info *tls_info_get(struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (t->info != NULL || cert == NULL)
		return t->info != NULL ? &t->info->shown : NULL;
	t->info = malloc(sizeof *t->info);
	if (t->info == NULL)
		return NULL;
	put_dn(t->info->text, X509_get_subject_name(cert));
	put_dn(t->info->text + TLS_INFO_TEXT_MAX, X509_get_issuer_name(cert));
	put_names(t->info->text + 2 * TLS_INFO_TEXT_MAX, cert);
	t->info->shown.subject = t->info->text;
	t->info->shown.issuer = t->info->text + TLS_INFO_TEXT_MAX;
	t->info->shown.names = t->info->text + 2 * TLS_INFO_TEXT_MAX;
	put_times(&t->info->shown, cert);
	put_session(t, t->info);
	ERR_clear_error();
	return &t->info->shown;
}

/* ---- faults ---- */

/* "for a.example.test, b.example.test" */
static void say_names(X509 *cert, char about[HEALTH_DETAIL_MAX])
{
	char names[TLS_INFO_TEXT_MAX];
	size_t n = 0;

	put_names(names, cert);
	if (names[0] == '\0')
		put_dn(names, X509_get_subject_name(cert));
	n += (size_t)snprintf(about, HEALTH_DETAIL_MAX, "it is for ");
	for (const char *p = names; *p != '\0' && n < HEALTH_DETAIL_MAX - 2; p++) {
		if (*p != '\n')
			about[n++] = *p;
		else if (p[1] != '\0')
			n += (size_t)snprintf(about + n, HEALTH_DETAIL_MAX - n, ", ");
	}
	about[n < HEALTH_DETAIL_MAX ? n : HEALTH_DETAIL_MAX - 1] = '\0';
}

static void say_expired(const X509 *cert, int depth, char about[HEALTH_DETAIL_MAX])
{
	time_t at = (time_t)seconds_of(X509_get0_notAfter(cert));
	struct tm tm;
	char day[32] = "?";

	if (gmtime_r(&at, &tm) != NULL)
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
	snprintf(about, HEALTH_DETAIL_MAX, "on %s%s", day, depth > 0 ? ", an issuer's" : "");
}

static enum health_reason reason_of(int why)
{
	switch (why) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return HEALTH_TLS_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return HEALTH_TLS_NAME;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return HEALTH_TLS_UNTRUSTED;
	default: /* not yet valid, too weak, for another use, … */
		return HEALTH_TLS_FAILED;
	}
}

int tls_verified(int ok, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int why = X509_STORE_CTX_get_error(ctx);

	if (ok || t->judged != HEALTH_REASON_NONE)
		return ok;
	t->judged = reason_of(why);
	snprintf(t->about, sizeof t->about, "%s", X509_verify_cert_error_string(why));
	if (t->judged == HEALTH_TLS_NAME && cert != NULL)
		say_names(cert, t->about);
	else if (t->judged == HEALTH_TLS_EXPIRED && cert != NULL)
		say_expired(cert, X509_STORE_CTX_get_error_depth(ctx), t->about);
	return ok;
}
