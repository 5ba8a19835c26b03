/* The images that a loader may serve zones from: those in use, those of the last snapshot, and the ones it builds.
 *
 *     image 0   example.test*  example.org          * = named by the zones that are served now
 *     image 1   example.test   example.net*           (image 0's example.org is dead: an older version, or dropped)
 *     image 2   being built
 */
#ifndef GEMEL_APP_IMAGESET_H
#define GEMEL_APP_IMAGESET_H
#include <stdbool.h>
#include <stdint.h>
#include "answer/answer.h"
#include "base/table.h"

#define IMAGESET_NEW_MAX 8 /* images that one load builds: each holds up to 4 GiB */
#define IMAGESET_MAX (ANSWER_IMAGES_MAX + IMAGESET_NEW_MAX)

struct imageset_image {
	int fd;              /* -1 = not a memfd (yet) */
	const uint8_t *data; /* mapped from fd where that was first, else borrowed */
	size_t len;
	bool mapped, is_new;
	struct image im;
	uint64_t *stamps;    /* by zone, of those served now; NULL = none */
	int sent_as;         /* index in the new generation; -1 = not used */
};
struct imageset {
	struct imageset_image list[IMAGESET_MAX];
	size_t count;
	struct hash_key key; /* all have this one */
	bool has_key;
	struct table by_apex; /* of the zones served now */
};

void imageset_init(struct imageset *s);
void imageset_deinit(struct imageset *s);
/* Takes the memfd; -1 (fd closed) where it is no image of ours: such a one is not worth more than a rebuild. checked: we
 * made it, or it was in force before; sealed, it cannot have changed. (The responder looks through all that it is given.) */
int imageset_take_fd(struct imageset *s, int fd, bool checked);
/* Borrows data until deinit. -1 as above. */
int imageset_add_data(struct imageset *s, const uint8_t *data, size_t len);
/* This zone is the one served now under its apex. Nonsense is ignored; ERR_NOMEM. */
int imageset_know(struct imageset *s, const struct answer_zone_ref *ref) MUST_CHECK;
/* The version of a zone that is served now, if it has content; with the stamp it was made known with. */
bool imageset_find(const struct imageset *s, const uint8_t *apex, struct answer_zone_ref *ref);
/* As above, for a zone that is answered with SERVFAIL. */
bool imageset_find_broken(const struct imageset *s, const uint8_t *apex, struct answer_zone_ref *ref);
/* True where it is time to build all zones anew: too many images, or more than half of what they hold is dead. */
bool imageset_is_worn(const struct imageset *s);
static inline const struct image_zone *imageset_zone(const struct imageset *s, const struct answer_zone_ref *r)
{
	return &s->list[r->image].im.zones[r->zone];
}

#endif
