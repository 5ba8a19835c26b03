/* Proofs of what is not there, for those who set DO: which entries of the zone's chain go with an answer. Steps of a
 * chain of aliases gather them; they are written, each once, when the answer section is done.
 * Private to the answer room.
 *
 *     case                       NSEC (RFC 4035 3.1.3)            NSEC3 (RFC 5155 7.2)
 *     no such name               covers the name, covers *.E      matches P, covers next closer, covers *.P
 *     name without the type      the name's own, or covers it     matches, or (opt-out) P and next closer
 *     answered by a wildcard     covers the name                  covers next closer
 *     the same without the type  covers the name, matches *.E     matches P, covers next closer, matches *.E
 *     delegation without DS      the cut's own                    as a name without the type
 *
 * E is the closest encloser. P is the closest one with an NSEC3: above insecure delegations an opt-out chain has none.
 * An entry is never made up: where the chain is broken the proof stays incomplete, and the loader has said so.
 */
#ifndef GEMEL_ANSWER_PROOF_H
#define GEMEL_ANSWER_PROOF_H
#include "answer/db.h"
#include "answer/reply.h"

/* Three an alias, and three for the name at the end. */
#define PROOF_MAX (3 * (IMAGE_CHAIN_MAX + 2))

struct proof {
	const struct answer_zone *zone;
	const struct image_signed *info;
	unsigned count;
	uint32_t entry[PROOF_MAX]; /* of the chain, each once */
};

/* zone: a signed one. */
void proof_init(struct proof *p, const struct answer_zone *zone);
/* n in all these: the name looked up; node: what db_find_node gave for it. */
void proof_no_name(struct proof *p, const struct answer_name *n, const struct image_node *encloser);
void proof_no_type(struct proof *p, const struct answer_name *n, const struct image_node *node);
void proof_wildcard(struct proof *p, const struct answer_name *n, const struct image_node *star);
void proof_wildcard_no_type(struct proof *p, const struct answer_name *n, const struct image_node *star);
/* The cut is the deepest name above n, or n itself. */
void proof_no_ds(struct proof *p, const struct answer_name *n, const struct image_node *cut);
/* Writes what was gathered. False: something did not fit, TC is set. */
bool proof_put(const struct proof *p, struct reply *r, const struct reply_owner *question);

#endif
