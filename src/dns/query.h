/* Query bytes → question + EDNS.  One pass, no allocation, nothing trusted.
 *
 *     0          12                 12+n      16+n
 *     | header   | question name    | type class | (additional: OPT at most once; TSIG last) …
 */
#ifndef GEMEL_DNS_QUERY_H
#define GEMEL_DNS_QUERY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/hash.h"
#include "dns/const.h"
#include "dns/name.h"

enum query_verdict {
	QUERY_DROP = 1, /* no answer at all: under 12 octets, or a response (QR=1) */
	QUERY_OK,       /* answer it: QUERY, or a NOTIFY or UPDATE whose question may stand */
	QUERY_COOKIE,   /* no question but a COOKIE (RFC 7873 5.4): NOERROR with a cookie, FORMERR from who makes none */
	QUERY_ERROR     /* answer with q->rcode (FORMERR, NOTIMP, BADVERS, NOTAUTH for a TSIG); q->question_len may be 0 */
};

/* Options that were understood, in q->options; an answer without any needs no look at them. */
enum {
	QUERY_OPTION_NSID = 1,      /* RFC 5001 */
	QUERY_OPTION_COOKIE = 2,    /* RFC 7873: q->cookie */
	QUERY_OPTION_ECS = 4,       /* RFC 7871: q->ecs */
	QUERY_OPTION_KEEPALIVE = 8  /* RFC 7828 */
};
#define QUERY_COOKIE_CLIENT_LEN 8
#define QUERY_COOKIE_MAX 40 /* the client's 8, the server's 8 to 32 (RFC 7873 4) */
#define QUERY_ECS_HEAD_LEN 4 /* family, source prefix length, scope prefix length */
#define QUERY_ECS_MAX (QUERY_ECS_HEAD_LEN + 16)

struct query {
	const uint8_t *wire; /* borrowed */
	uint8_t opcode;
	uint8_t cookie_len;    /* 8, or 16 to 40 with a server cookie */
	uint8_t ecs_len;       /* exactly what its source prefix length asks for, unused bits 0, scope 0 */
	uint16_t rcode;        /* for QUERY_ERROR; 12 bits */
	uint16_t question_len; /* octets from offset 12 to echo: 0 when there is no whole question */
	uint16_t qtype, qclass;
	uint8_t name_len; /* with the root octet */
	uint8_t labels;   /* without the root */
	bool has_edns;
	bool edns_do;
	uint8_t options;      /* QUERY_OPTION_*; of two of a kind the first counts */
	uint8_t edns_version;
	uint16_t edns_size;   /* what the client takes; below 512 counts as 512 (RFC 6891 6.2.3) */
	const uint8_t *cookie; /* borrowed from wire, as ecs is; set with their bits only */
	const uint8_t *ecs;
	const uint8_t *tsig;   /* with NOTAUTH only: the TSIG from its key's name on, NULL if that is compressed */
	uint8_t name[NAME_ROOM];              /* lower-case copy of the question's name; anything behind it */
	uint8_t label_at[NAME_LABELS_MAX + 1];/* offset of label i in name; [labels] = the root octet */
	uint64_t hash[NAME_LABELS_MAX + 1];   /* hash of the suffix that starts at label i; [labels] = the root */
};

static inline uint16_t query_id(const struct query *q) { return load_u16(q->wire); }
static inline bool query_rd(const struct query *q) { return (q->wire[2] & DNS_FLAG_RD >> 8) != 0; }

/* Fills q (fields beyond name_len etc. only as far as they were read). hash_key as the images use it. */
enum query_verdict query_parse(struct query *q, const uint8_t *wire, size_t len, const struct hash_key *key);

#endif
