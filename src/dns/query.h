/* Query bytes → question + EDNS.  One pass, no allocation, nothing trusted.
 *
 *     0          12                 12+n      16+n
 *     | header   | question name    | type class | (additional: OPT at most once) …
 */
#ifndef GEMEL_DNS_QUERY_H
#define GEMEL_DNS_QUERY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/hash.h"
#include "dns/const.h"
#include "dns/name.h"

enum query_verdict {
	QUERY_DROP = 1, /* no answer at all: under 12 octets, or a response (QR=1) */
	QUERY_OK,       /* answer it */
	QUERY_ERROR     /* answer with q->rcode (FORMERR, NOTIMP, BADVERS …); q->question_len may be 0 */
};

struct query {
	const uint8_t *wire; /* borrowed */
	size_t wire_len;
	uint16_t id;
	uint8_t opcode;
	bool rd;
	uint16_t rcode;        /* for QUERY_ERROR; 12 bits */
	uint16_t question_len; /* octets from offset 12 to echo: 0 when there is no whole question */
	uint16_t qtype, qclass;
	uint8_t name_len; /* with the root octet */
	uint8_t labels;   /* without the root */
	bool has_edns;
	bool edns_do;
	bool wants_nsid;
	uint8_t edns_version;
	uint16_t edns_size;   /* what the client takes; below 512 counts as 512 (RFC 6891 6.2.3) */
	uint8_t name[NAME_WIRE_MAX + 1];      /* lower-case copy of the question's name */
	uint8_t label_at[NAME_LABELS_MAX + 1];/* offset of label i in name; [labels] = the root octet */
	uint64_t hash[NAME_LABELS_MAX + 1];   /* hash of the suffix that starts at label i; [labels] = the root */
};

/* Fills q (fields beyond name_len etc. only as far as they were read). hash_key as the images use it. */
enum query_verdict query_parse(struct query *q, const uint8_t *wire, size_t len, const struct hash_key *key);

#endif
