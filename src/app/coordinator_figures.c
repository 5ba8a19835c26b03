/* What the responder tells of its work once a second, for status and metrics.
 *
 *     IPC_STATS        counters                          all of them
 *     IPC_LATENCY      how long answers took             likewise
 *     IPC_ZONE_COUNTS  the zones served, in parts        the list is shown once it is whole; with new zones, or where questions are
 *                                                        counted by zone and some came
 */
#include <stdlib.h>
#include <string.h>
#include "app/coordinator_state.h"
#include "dns/name.h"

#define ZONES_MAX (1u << 20) /* more than images of a server hold; a list without an end must not eat our memory */

void figures_take_latency(struct figures *f, struct rbuf *m)
{
	struct latency l;
	if (get_u8(m) != LATENCY_BUCKETS)
		return;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		l.count[i] = get_u64(m);
	l.sum_ns = get_u64(m);
	if (!m->failed)
		f->latency = l;
}

static void drop(struct ctl_zones *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->list[i].name);
	free(z->list);
	*z = (struct ctl_zones){ NULL, 0, false };
}

static bool add(struct ctl_zones *z, struct rbuf *m)
{
	char text[NAME_TEXT_MAX];
	size_t len;
	const uint8_t *apex = get_block(m, &len);
	uint64_t queries = get_u64(m);
	uint32_t serial = get_u32(m), records = get_u32(m);
	uint8_t flags = get_u8(m);
	if (m->failed || z->count == ZONES_MAX || name_check(apex, len) != (int)len)
		return false;
	if ((z->count & (z->count - 1)) == 0) { /* full at each power of two */
		struct ctl_zone *list = reallocarray(z->list, z->count ? 2 * z->count : 1, sizeof *list);
		if (!list)
			return false;
		z->list = list;
	}
	z->counted = queries != UINT64_MAX;
	struct ctl_zone *one = &z->list[z->count];
	*one = (struct ctl_zone){ strdup(name_format(apex, text)), z->counted ? queries : 0, serial, records, flags & IPC_ZONE_SIGNED,
				  flags & IPC_ZONE_FAULTY };
	if (!one->name)
		return false;
	z->count++;
	return true;
}

/* One that is damaged, or for which there is no memory, leaves the last whole one as it is. */
void figures_take_zones(struct figures *f, struct rbuf *m)
{
	bool more = get_u8(m) != 0, good = !f->zones_bad;
	for (uint16_t n = get_u16(m); n > 0 && good; n--)
		good = add(&f->coming, m);
	f->zones_bad = more && (!good || m->failed);
	if (more)
		return;
	if (good && !m->failed) {
		struct ctl_zones old = f->zones;
		f->zones = f->coming;
		f->coming = old;
		f->zones_told = true;
	}
	drop(&f->coming);
}
