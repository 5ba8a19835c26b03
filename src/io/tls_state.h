/* Inside io/tls*: what their files share.
 *
 *     tls.c   connections        tls_context.c   parsed CAs, certificates, keys        tls_info.c   what people may see
 */
#ifndef GEMEL_IO_TLS_STATE_H
#define GEMEL_IO_TLS_STATE_H
#include <openssl/ssl.h>
#include <stdbool.h>
#include "io/tls.h"

#define TLS_INFO_TEXT_MAX 4096 /* octets of a name, or of the list of names; more is cut off */

struct tls_info { /* with the texts behind it */
	struct script_tls_info shown;
	char text[4 * TLS_INFO_TEXT_MAX];
};
struct tls {
	struct tls_contexts *contexts;
	SSL *ssl;
	int fd;
	int error;          /* the socket's, of this call; 0 = none */
	bool ended;         /* the socket said so */
	bool open;          /* the handshake is done, and nothing failed since */
	size_t budget;      /* octets that this call may still take from the socket */
	unsigned long fault;/* OpenSSL's first error of a call that failed; 0 = none */
	struct tls_info *info;
	enum health_reason judged;      /* of the certificate, by verification; NONE = nothing wrong */
	char about[HEALTH_DETAIL_MAX];  /* what it found */
};

/* ---- tls_context.c ---- */
/* A connection opens, while there is room; one closes. */
bool tls_context_open(struct tls_contexts *c);
void tls_context_close(struct tls_contexts *c);
/* Borrowed until the next call. */
int tls_context_get(struct tls_contexts *c, const struct script_tls *options, SSL_CTX **out,
		    char detail[HEALTH_DETAIL_MAX]) MUST_CHECK;

/* ---- tls_info.c ---- */
/* OpenSSL's verify callback: notes the first thing that is wrong in judged and about. */
int tls_verified(int ok, X509_STORE_CTX *ctx);

#endif
