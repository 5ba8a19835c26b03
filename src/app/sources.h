/* Connections by activity, in all and by the network they come from (answer_prefix), so that one network cannot take them all.
 *
 *     all:          [a1] [b1] [a2] [a3]      idlest first
 *     network A:    [a1] [a2] [a3]
 *     network B:    [b1]
 */
#ifndef GEMEL_APP_SOURCES_H
#define GEMEL_APP_SOURCES_H
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "base/table.h"

struct source;
struct source_entry { /* one a connection, in the caller's memory */
	TAILQ_ENTRY(source_entry) in_all, in_source;
	struct source *source;
	void *owner; /* the connection */
};
TAILQ_HEAD(source_list, source_entry);
struct sources {
	struct table by_net;
	struct source_list all;
	size_t count;
};

/* The key must be random: networks are chosen by strangers. */
void sources_init(struct sources *s, const struct hash_key *key);
/* On failure (ERR_NOMEM) the entry is in no list. */
int sources_add(struct sources *s, struct source_entry *e, uint64_t net, void *owner) MUST_CHECK;
void sources_remove(struct sources *s, struct source_entry *e);
/* It was active just now. */
void sources_touch(struct sources *s, struct source_entry *e);
size_t sources_count_of(const struct sources *s, uint64_t net);
/* The owner idle longest, of all or of one network; NULL = there is none. */
void *sources_idlest(const struct sources *s);
void *sources_idlest_of(const struct sources *s, uint64_t net);

#endif
