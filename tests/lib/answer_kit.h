/* Drives the data plane without sockets: zone text → image → database; a question as a line → the answer as text.
 *
 *     "www.example.test A"                         UDP without EDNS
 *     "www.example.test A edns=1232 do nsid"       with EDNS
 *     "www.example.test A edns=1232 opt=10:2464c4abcf10c957"   any option, in hex; several come in their order
 *     "www.example.test A tcp"  "x A class=CH"  "x A opcode=4"  "x A rd ad cd"  ". A none" (no question)
 *
 * The text has one line for the header and one a record:
 *
 *     NOERROR aa                                    rcode, flags of aa tc rd ra ad cd
 *     an www.example.test. 60 A 192.0.2.1
 *     ns example.test. 60 SOA …
 *     ar ns1.example.test. 60 A 192.0.2.53
 *     opt 1232 do ede=20 nsid=6e7331
 */
#ifndef GEMEL_TESTS_ANSWER_KIT_H
#define GEMEL_TESTS_ANSWER_KIT_H
#include <check.h>
#include "answer/answer.h"

#define KIT_ZONES_MAX 8
#define KIT_TEXT_MAX 400000

struct kit_zone {
	const char *apex, *text;
	const char *live; /* owners marked live, separated by spaces; NULL = none */
};

struct kit {
	struct image_builder *builder;
	struct image image;
	struct answer_db *db;
	struct answer_worker worker;
	struct answer_limits limits;
	struct answer_from from;
	struct diags diags;
	uint8_t wire[DNS_MESSAGE_MAX]; /* the latest answer */
	size_t wire_len;
	char text[KIT_TEXT_MAX];
};

extern const struct hash_key kit_key;

/* Faults in the zones fail the test. */
void kit_init(struct kit *k, const struct kit_zone *zones, size_t count);
void kit_deinit(struct kit *k);
void kit_add_zone(struct image_builder *b, const struct kit_zone *z, struct diags *d);
/* Builds the question's message; returns its length. */
size_t kit_question(const char *line, uint8_t out[512], struct answer_from *from);
/* Asks; returns k->text. The message itself is checked, too: message.h, and its size. */
const char *kit_ask(struct kit *k, const char *line);
const char *kit_ask_wire(struct kit *k, const uint8_t *in, size_t len, enum answer_transport t);
/* Publishes addresses ("192.0.2.1*3 192.0.2.2", the number behind * is a weight) at an owner; NULL = not ready. */
void kit_publish(struct kit *k, const char *owner, uint16_t type, const char *members, enum answer_pick pick,
		 unsigned answer_n, uint32_t ttl_s);

#endif
