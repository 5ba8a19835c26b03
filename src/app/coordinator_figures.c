/* What the responder tells of its work once a second, for status and metrics, and what those before it did.
 *
 *     IPC_STATS        counters                          all of them
 *     IPC_LATENCY      how long answers took             likewise
 *     IPC_ZONE_COUNTS  the zones served, in parts        the list is shown once it is whole; with new zones, or where questions are
 *                                                        counted by zone and some came
 *
 * People see sums, so no figure falls when a responder takes another's place: of those that ended, of those that are leaving (what each
 * said last, until its last words), of the present one.
 */
#include <stdlib.h>
#include <string.h>
#include "app/coordinator_state.h"
#include "dns/name.h"
#include "zone/content.h"

#define SUMS_MAX 4096        /* names; no more than ANSWER_ZONES_COUNTED are counted at a time */
#define ZONES_MAX (1u << 20) /* more than images of a server hold; a list without an end must not eat our memory */

/* ---- latency ---- */

static void sum_latency(struct figures *f)
{
	struct latency sum = f->ended;
	latency_sum(&sum, &f->present);
	for (size_t i = 0; i < LEFT_MAX; i++)
		latency_sum(&sum, &f->left[i]);
	f->latency = sum;
}

void figures_take_latency(struct figures *f, struct rbuf *m)
{
	struct latency l;
	if (get_u8(m) != LATENCY_BUCKETS)
		return;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		l.count[i] = get_u64(m);
	l.sum_ns = get_u64(m);
	if (m->failed)
		return;
	f->present = l;
	sum_latency(f);
}

void figures_inherit_latency(struct figures *f, int left, const uint64_t *v, size_t count)
{
	struct latency l = { .sum_ns = count ? v[0] : 0 };
	for (size_t i = 0; i < LATENCY_BUCKETS && i + 1 < count; i++)
		l.count[i] = v[i + 1];
	if (left < 0)
		latency_sum(&f->ended, &l);
	else
		f->left[left] = l;
	sum_latency(f);
}

/* ---- questions by zone ---- */

/* Mostly they come in the same order each time, so the search begins behind the last one that was found. */
static struct zone_sum *find_sum(struct figures *f, const char *name)
{
	for (size_t tries = 0; tries < f->sum_count; tries++) {
		struct zone_sum *one = &f->sums[(f->sum_at + tries) % f->sum_count];
		if (strcmp(one->name, name) != 0)
			continue;
		f->sum_at = (size_t)(one - f->sums + 1) % f->sum_count;
		return one;
	}
	return NULL;
}

/* NULL without memory, or beyond all bounds: then questions of it are counted anew. */
static struct zone_sum *get_sum(struct figures *f, const char *name)
{
	struct zone_sum *one = find_sum(f, name);
	if (one || f->sum_count == SUMS_MAX)
		return one;
	if ((f->sum_count & (f->sum_count - 1)) == 0) {
		struct zone_sum *list = reallocarray(f->sums, f->sum_count ? 2 * f->sum_count : 1, sizeof *list);
		if (!list)
			return NULL;
		f->sums = list;
	}
	one = &f->sums[f->sum_count];
	*one = (struct zone_sum){ .name = strdup(name) };
	if (!one->name)
		return NULL;
	f->sum_count++;
	return one;
}

static uint64_t before(const struct zone_sum *one)
{
	uint64_t n = one ? one->ended : 0;
	for (size_t i = 0; one && i < LEFT_MAX; i++)
		n += one->left[i];
	return n;
}

/* (A list in parts may have been begun before the last words of a responder came.) */
static uint64_t of_present(const struct ctl_zone *z, const struct zone_sum *one)
{
	return z->queries > before(one) ? z->queries - before(one) : 0;
}

static struct ctl_zone *find_shown(struct figures *f, const char *name)
{
	for (size_t i = 0; f->zones.counted && i < f->zones.count; i++)
		if (strcmp(f->zones.list[i].name, name) == 0)
			return &f->zones.list[i];
	return NULL;
}

static bool grow(struct ctl_zones *z)
{
	if ((z->count & (z->count - 1)) != 0)
		return true; /* full at each power of two */
	struct ctl_zone *list = reallocarray(z->list, z->count ? 2 * z->count : 1, sizeof *list);
	if (list)
		z->list = list;
	return list != NULL;
}

/* Until the new responder tells what it serves, those are shown that were. */
static void show(struct figures *f, const char *name, uint64_t more)
{
	struct ctl_zone *one = find_shown(f, name);
	if (one) {
		one->queries += more;
		return;
	}
	if (f->zones_told || f->zones.count >= SUMS_MAX || !grow(&f->zones))
		return;
	one = &f->zones.list[f->zones.count];
	*one = (struct ctl_zone){ .name = strdup(name), .queries = more };
	f->zones.counted = true;
	f->zones.count += one->name != NULL;
}

void figures_inherit_zone(struct figures *f, int left, const uint64_t *v, size_t count)
{
	char name[NAME_TEXT_MAX];
	struct zone_sum *one = count > 1 && legacy_name_get(name, sizeof name, v + 1, count - 1) ? get_sum(f, name) : NULL;
	if (!one)
		return;
	uint64_t *to = left < 0 ? &one->ended : &one->left[left], was = left < 0 ? 0 : *to;
	*to = left < 0 ? *to + v[0] : v[0] > was ? v[0] : was;
	show(f, name, left < 0 ? v[0] : *to - was);
}

void figures_left(struct figures *f, size_t left)
{
	latency_sum(&f->ended, &f->left[left]);
	f->left[left] = (struct latency){ .sum_ns = 0 };
	for (size_t i = 0; i < f->sum_count; i++) {
		f->sums[i].ended += f->sums[i].left[left];
		f->sums[i].left[left] = 0;
	}
}

void figures_end(struct figures *f)
{
	latency_sum(&f->ended, &f->present);
	f->present = (struct latency){ .sum_ns = 0 };
	for (size_t i = 0; f->zones.counted && i < f->zones.count; i++) {
		struct zone_sum *one = f->zones.list[i].queries ? get_sum(f, f->zones.list[i].name) : NULL;
		if (one)
			one->ended += of_present(&f->zones.list[i], one);
	}
}

static void tell_latency(struct legacy_writer *l, uint32_t pid, const struct latency *of)
{
	uint64_t v[2 + LATENCY_BUCKETS] = { pid, of->sum_ns };
	memcpy(v + 2, of->count, sizeof of->count);
	legacy_add(l, LEGACY_LATENCY, v, sizeof v / sizeof *v);
}

static void tell_zone(struct legacy_writer *l, uint32_t pid, const char *name, uint64_t queries)
{
	uint64_t v[2 + LEGACY_NAME_VALUES] = { pid, queries };
	size_t count = queries ? legacy_name_put(v + 2, name) : 0;
	if (count)
		legacy_add(l, LEGACY_ZONE, v, 2 + count);
}

void figures_tell(struct figures *f, struct legacy_writer *l, uint32_t pid, const uint32_t pids[LEFT_MAX])
{
	tell_latency(l, 0, &f->ended);
	tell_latency(l, pid, &f->present);
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (pids[i])
			tell_latency(l, pids[i], &f->left[i]);
	for (size_t i = 0; f->zones.counted && i < f->zones.count; i++) {
		const struct ctl_zone *z = &f->zones.list[i];
		const struct zone_sum *one = find_sum(f, z->name);
		tell_zone(l, 0, z->name, one ? one->ended : 0);
		for (size_t k = 0; one && k < LEFT_MAX; k++)
			if (pids[k])
				tell_zone(l, pids[k], z->name, one->left[k]);
		tell_zone(l, pid, z->name, of_present(z, one));
	}
}

/* ---- the zones that are served ---- */

static void drop(struct ctl_zones *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->list[i].name);
	free(z->list);
	*z = (struct ctl_zones){ .list = NULL };
}

static bool add(struct figures *f, struct ctl_zones *z, struct rbuf *m)
{
	char text[NAME_TEXT_MAX];
	size_t len;
	const uint8_t *apex = get_block(m, &len);
	uint64_t queries = get_u64(m);
	uint32_t serial = get_u32(m), records = get_u32(m);
	uint8_t flags = get_u8(m);
	uint64_t content = get_u64(m);
	if (m->failed || z->count == ZONES_MAX || name_check(apex, len) != (int)len)
		return false;
	if (!grow(z))
		return false;
	name_format(apex, text);
	z->counted = queries != UINT64_MAX;
	struct ctl_zone *one = &z->list[z->count];
	*one = (struct ctl_zone){ strdup(text), z->counted ? queries + before(find_sum(f, text)) : 0, serial, records, flags & IPC_ZONE_SIGNED,
				  flags & IPC_ZONE_FAULTY, content };
	if (!one->name)
		return false;
	z->count++;
	if (!one->faulty)
		z->digest = content_join(z->digest, apex, len, content);
	return true;
}

/* One that is damaged, or for which there is no memory, leaves the last whole one as it is. */
bool figures_take_zones(struct figures *f, struct rbuf *m)
{
	bool more = get_u8(m) != 0, good = !f->zones_bad;
	for (uint16_t n = get_u16(m); n > 0 && good; n--)
		good = add(f, &f->coming, m);
	f->zones_bad = more && (!good || m->failed);
	if (more)
		return false;
	bool whole = good && !m->failed;
	if (whole) {
		struct ctl_zones old = f->zones;
		f->zones = f->coming;
		f->coming = old;
		f->zones_told = true;
	}
	drop(&f->coming);
	return whole;
}
