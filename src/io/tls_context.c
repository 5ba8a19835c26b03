/* Parsed CAs, certificates and keys: parsing them for each probe would cost more than the handshake.
 *
 *     (ca, cert, key) by content ─▶ SSL_CTX, the least recently used of TLS_CONTEXTS_MAX gives way
 *
 * Without `ca` the machine's are trusted: OpenSSL's folder of them, looked into for an issuer when it is needed, so a CA
 * that the machine gets needs no reload.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/tls_state.h"

/* TLS 1.2: nothing anonymous, nothing with a shared key, no finite-field DH, whose primes a hostile peer may choose so
 * large that one handshake takes a second. */
#define CIPHERS "DEFAULT:!aNULL:!eNULL:!PSK:!SRP:!kDHE"
#define CA_COUNT_MAX 4096 /* certificates in `ca`: a distribution's bundle has 150 */
#define CHAIN_COUNT_MAX 16

struct context {
	SSL_CTX *ctx; /* NULL = free */
	struct script_pem part[3]; /* ca, cert, key: copies */
	uint64_t used;
};
struct tls_contexts {
	unsigned open, open_max; /* connections */
	void (*room)(void *ctx);
	void *ctx;
	uint64_t uses;
	struct context list[TLS_CONTEXTS_MAX];
};

/* A context's life ends here; connections of it go on. */
static void context_drop(struct context *x)
{
	SSL_CTX_free(x->ctx);
	for (size_t i = 0; i < 3; i++) {
		if (x->part[i].data != NULL)
			OPENSSL_cleanse((void *)(uintptr_t)x->part[i].data, x->part[i].len);
		free((void *)(uintptr_t)x->part[i].data);
	}
	memset(x, 0, sizeof *x);
}

struct tls_contexts *tls_contexts_new(unsigned open_max, void (*room)(void *ctx), void *ctx)
{
	struct tls_contexts *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->open_max = open_max;
	c->room = room;
	c->ctx = ctx;
	return c;
}

bool tls_contexts_have_room(const struct tls_contexts *c)
{
	return c->open < c->open_max;
}

void tls_contexts_free(struct tls_contexts *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < TLS_CONTEXTS_MAX; i++)
		context_drop(&c->list[i]);
	free(c);
}

bool tls_context_open(struct tls_contexts *c)
{
	if (!tls_contexts_have_room(c))
		return false;
	c->open++;
	return true;
}

void tls_context_close(struct tls_contexts *c)
{
	if (c->open-- == c->open_max)
		c->room(c->ctx);
}

/* ---- PEM ---- */

static BIO *pem_open(const struct script_pem *pem)
{
	return BIO_new_mem_buf(pem->data, (int)pem->len);
}

/* A key with a passphrase is refused: nobody is there to be asked. */
static int no_passphrase(char *out, int len, int writing, void *ctx)
{
	(void)out;
	(void)len;
	(void)writing;
	(void)ctx;
	return -1;
}

static int broken(const char *what, char detail[HEALTH_DETAIL_MAX])
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e != 0 ? ERR_reason_error_string(e) : NULL;

	snprintf(detail, HEALTH_DETAIL_MAX, "%s%s%s", what, why != NULL ? ": " : "", why != NULL ? why : "");
	ERR_clear_error();
	return ERR_FORMAT;
}

/* True where reading stopped because nothing more is there. */
static bool at_end(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static int load_ca(SSL_CTX *ctx, const struct script_pem *ca, char detail[HEALTH_DETAIL_MAX])
{
	BIO *b = pem_open(ca);
	X509 *x;
	int n = 0;

	if (b == NULL)
		return ERR_NOMEM;
	while (n <= CA_COUNT_MAX && (x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) != NULL) {
		n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x);
		X509_free(x);
	}
	BIO_free(b);
	if (n == 0 || n > CA_COUNT_MAX || !at_end())
		return broken(n > CA_COUNT_MAX ? "ca: too many certificates" : "ca: not a list of certificates in PEM",
			      detail);
	ERR_clear_error();
	return 0;
}

static int load_chain(SSL_CTX *ctx, const struct script_pem *cert, char detail[HEALTH_DETAIL_MAX])
{
	BIO *b = pem_open(cert);
	X509 *x;
	int n = 0;

	if (b == NULL)
		return ERR_NOMEM;
	while (n <= CHAIN_COUNT_MAX && (x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) != NULL) {
		if ((n == 0 ? SSL_CTX_use_certificate(ctx, x) : (int)SSL_CTX_add1_chain_cert(ctx, x)) != 1)
			n = CHAIN_COUNT_MAX;
		n++;
		X509_free(x);
	}
	BIO_free(b);
	if (n == 0 || n > CHAIN_COUNT_MAX || !at_end())
		return broken("cert: not a certificate with its chain in PEM", detail);
	ERR_clear_error();
	return 0;
}

static int load_key(SSL_CTX *ctx, const struct script_pem *key, char detail[HEALTH_DETAIL_MAX])
{
	BIO *b = pem_open(key);
	EVP_PKEY *k = b != NULL ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
	bool fits = k != NULL && SSL_CTX_use_PrivateKey(ctx, k) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	int err = fits ? 0 : broken(k == NULL ? "key: not a private key in PEM, without a passphrase"
					      : "key: not the certificate's", detail);

	EVP_PKEY_free(k);
	BIO_free(b);
	return err;
}

bool tls_key_fits(const struct script_pem *cert, const struct script_pem *key)
{
	BIO *c = pem_open(cert), *k = pem_open(key);
	X509 *x = c != NULL ? PEM_read_bio_X509(c, NULL, no_passphrase, NULL) : NULL;
	EVP_PKEY *private = k != NULL ? PEM_read_bio_PrivateKey(k, NULL, no_passphrase, NULL) : NULL;
	bool fits = x != NULL && private != NULL && X509_check_private_key(x, private) == 1;

	EVP_PKEY_free(private);
	X509_free(x);
	BIO_free(k);
	BIO_free(c);
	ERR_clear_error();
	return fits;
}

/* ---- the machine's ---- */

void tls_prepare(void)
{
	SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
	ERR_clear_error();
}

const char *tls_ca_file(void)
{
	const char *own = secure_getenv(X509_get_default_cert_file_env());
	return own != NULL ? own : X509_get_default_cert_file();
}

const char *tls_ca_folders(void)
{
	const char *own = secure_getenv(X509_get_default_cert_dir_env());
	return own != NULL ? own : X509_get_default_cert_dir();
}

/* ---- contexts ---- */

/* No sessions are kept: each probe is to find what a new client would. */
static bool set_rules(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify_depth(ctx, TLS_DEPTH_MAX);
	SSL_CTX_set_max_cert_list(ctx, TLS_CHAIN_MAX);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1;
}

static int context_make(SSL_CTX **out, const struct script_tls *o, char detail[HEALTH_DETAIL_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int err = ctx != NULL && set_rules(ctx) ? 0 : ERR_NOMEM;

	if (err == 0 && o->ca.data != NULL)
		err = load_ca(ctx, &o->ca, detail);
	else if (err == 0 && SSL_CTX_set_default_verify_paths(ctx) != 1)
		err = ERR_NOMEM;
	if (err == 0 && o->cert.data != NULL)
		err = load_chain(ctx, &o->cert, detail);
	if (err == 0 && o->key.data != NULL)
		err = load_key(ctx, &o->key, detail);
	if (err != 0)
		SSL_CTX_free(ctx);
	else
		*out = ctx;
	return err;
}

static bool part_same(const struct script_pem *a, const struct script_pem *b)
{
	return (a->data == NULL) == (b->data == NULL) &&
	       (a->data == NULL || (a->len == b->len && memcmp(a->data, b->data, a->len) == 0));
}

static int part_copy(struct script_pem *to, const struct script_pem *from)
{
	char *copy = from->data != NULL ? malloc(from->len + 1) : NULL;

	if (copy == NULL)
		return from->data != NULL ? ERR_NOMEM : 0;
	memcpy(copy, from->data, from->len);
	*to = (struct script_pem){ copy, from->len };
	return 0;
}

/* The one that holds these, or the place for it: free, or the least recently used. */
static struct context *context_seek(struct tls_contexts *c, const struct script_pem part[3])
{
	struct context *oldest = &c->list[0];

	for (size_t i = 0; i < TLS_CONTEXTS_MAX; i++) {
		struct context *x = &c->list[i];

		if (x->ctx != NULL && part_same(&x->part[0], &part[0]) && part_same(&x->part[1], &part[1]) &&
		    part_same(&x->part[2], &part[2]))
			return x;
		oldest = x->used < oldest->used ? x : oldest;
	}
	context_drop(oldest);
	return oldest;
}

int tls_context_get(struct tls_contexts *c, const struct script_tls *options, SSL_CTX **out,
		    char detail[HEALTH_DETAIL_MAX])
{
	const struct script_pem part[3] = { options->ca, options->cert, options->key };
	struct context *x = context_seek(c, part);
	int err = 0;

	if (x->ctx == NULL)
		err = context_make(&x->ctx, options, detail);
	for (size_t i = 0; i < 3 && err == 0 && x->used == 0; i++)
		err = part_copy(&x->part[i], &part[i]);
	if (err != 0) {
		context_drop(x);
		return err;
	}
	x->used = ++c->uses;
	*out = x->ctx;
	return 0;
}
