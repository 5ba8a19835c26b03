/* TLS of a probe's connections, on OpenSSL: this file's own sources are the only ones that know it.  A socket of the
 * caller's, never blocking; the caller waits for what a call says it wants.
 *
 *     tls_new(fd) ─▶ tls_handshake ─┬─ TLS_WANT_READ, TLS_WANT_WRITE: call again when the socket is ready
 *                                   ├─ TLS_DONE ─▶ tls_read, tls_write, tls_info_get … tls_free
 *                                   └─ TLS_FAILED ─▶ tls_failure … tls_free
 *
 * Bounded against a hostile peer: a call takes at most TLS_CALL_MAX octets from the socket, however much stands in it
 * (a flood of session tickets would else keep OpenSSL in one call for ever), a chain at most TLS_CHAIN_MAX octets, and
 * key exchanges whose cost the peer chooses (finite-field DH) are not offered.
 */
#ifndef GEMEL_IO_TLS_H
#define GEMEL_IO_TLS_H
#include <stddef.h>
#include "base/err.h"
#include "health/health.h"
#include "script/script.h"

#define TLS_CALL_MAX 32768     /* octets: two records of the largest size */
#define TLS_CHAIN_MAX 65536    /* of the peer's certificates; real ones have 3,000 to 8,000 */
#define TLS_DEPTH_MAX 10       /* certificates between the peer's and a trusted one */
#define TLS_OPEN_MAX 8192      /* connections of one set at once: 29 KB each, so 240 MB */
#define TLS_CONTEXTS_MAX 64    /* sets of (ca, cert, key) that are kept parsed */

struct tls;
struct tls_contexts; /* what connections share: CAs, certificates and keys, parsed once */
enum tls_status { TLS_NONE = 0, TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_END, TLS_FAILED };

/* Has OpenSSL read its configuration and make its tables, before the process gives up its files. */
void tls_prepare(void);
/* Where the machine's CAs are: a file of them, and folders with ':' between; neither need exist. Static storage. */
const char *tls_ca_file(void);
const char *tls_ca_folders(void);

/* room is called when a connection closes after as many as may be were open. NULL = out of memory. */
struct tls_contexts *tls_contexts_new(unsigned open_max, void (*room)(void *ctx), void *ctx) MUST_CHECK;
bool tls_contexts_have_room(const struct tls_contexts *c); /* for one connection more */
void tls_contexts_free(struct tls_contexts *c);         /* after the last of its connections; NULL is fine */

/* The client's side of a connection over fd, which stays the caller's. ERR_FORMAT: ca, cert or key is not what it
 * should be, detail says what; ERR_LIMIT: as many as may be are open; ERR_NOMEM. */
int tls_new(struct tls **t, struct tls_contexts *c, int fd, const struct script_tls *options,
	    char detail[HEALTH_DETAIL_MAX]) MUST_CHECK;
void tls_free(struct tls *t); /* says goodbye where it can at once; NULL is fine */

/* True where key holds the private key of the first certificate in cert. False too when out of memory. */
bool tls_key_fits(const struct script_pem *cert, const struct script_pem *key);

enum tls_status tls_handshake(struct tls *t) MUST_CHECK;
/* After TLS_DONE *n octets were read, at least 1; TLS_END = the stream ended, with or without a goodbye. len must be
 * 16,384 at least, so that nothing is left in OpenSSL of which no socket tells. */
enum tls_status tls_read(struct tls *t, void *data, size_t len, size_t *n) MUST_CHECK;
enum tls_status tls_write(struct tls *t, const void *data, size_t len, size_t *n) MUST_CHECK;

/* After TLS_FAILED: HEALTH_REASON_NONE and the socket's error in *error, or a reason and its detail. */
enum health_reason tls_failure(const struct tls *t, int *error, char detail[HEALTH_DETAIL_MAX]);
/* What the handshake gave, kept in t; NULL when out of memory or where the peer showed no certificate. */
const struct script_tls_info *tls_info_get(struct tls *t);

#endif
