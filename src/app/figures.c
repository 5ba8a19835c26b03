/* Figures of the workers beside their plain counters: questions by zone, and how long answers took.
 *
 *     worker ──by_zone[counter of the zone]++──▶ view ──view_free──▶ by_zone_before of the next, zone by zone
 *        └──every 64th turn: read … sent──▶ latency
 *     once a second: the sums ──▶ coordinator, where they changed
 */
#include <stdlib.h>
#include <string.h>
#include "app/legacy.h"
#include "app/responder_state.h"
#include "dns/name.h"
#include "io/log.h"
#include "ipc/ipc.h"

/* Lines of the cache of its own: its worker writes it with every question. */
uint64_t *figures_counters_new(const struct answer_db *db)
{
	const size_t size = ((answer_db_counted(db) + 1) * sizeof(uint64_t) / CACHE_LINE + 1) * CACHE_LINE;
	uint64_t *n = aligned_alloc(CACHE_LINE, size);
	if (n)
		memset(n, 0, size);
	return n;
}

static uint64_t sum_zone(const struct view *v, size_t zone)
{
	uint64_t n = v->by_zone_before[zone + 1];
	for (unsigned i = 0; i <= v->worker_count; i++)
		n += __atomic_load_n(&v->by_zone[i][zone + 1], __ATOMIC_RELAXED);
	return n;
}

/* Both have at most ANSWER_ZONES_COUNTED zones, mostly the same in the same order: so the search begins where the last one ended. */
void figures_carry(struct view *v, const struct view *old)
{
	const size_t count = answer_db_counted(v->db), old_count = answer_db_counted(old->db);
	size_t at = 0;
	for (size_t i = 0; i < count && old_count; i++) {
		const uint8_t *apex, *other;
		const uint32_t len = answer_db_zone(v->db, i, &apex)->apex_len;
		for (size_t tries = 0; tries < old_count; tries++, at = (at + 1) % old_count)
			if (answer_db_zone(old->db, at, &other)->apex_len == len && memcmp(apex, other, len) == 0) {
				v->by_zone_before[i + 1] = sum_zone(old, at);
				break;
			}
	}
}

static bool tell(struct responder *r, const struct wbuf *w)
{
	if (!chan_send_buf(r->coordinator, w))
		return true;
	log_line(LOG_LEVEL_DEBUG, "figures were not sent");
	return false;
}

static void put_one(struct wbuf *w, const struct view *v, size_t i)
{
	const uint8_t *apex;
	const struct image_zone *z = answer_db_zone(v->db, i, &apex);
	put_block(w, apex, z->apex_len);
	put_u64(w, answer_db_counted(v->db) ? sum_zone(v, i) : UINT64_MAX);
	put_u32(w, z->serial);
	put_u32(w, z->records);
	put_u8(w, (uint8_t)((z->signed_at ? IPC_ZONE_SIGNED : 0) | (z->apex_node_at ? 0 : IPC_ZONE_FAULTY)));
	put_u64(w, z->content);
}

/* A list of no zones is one too. */
static bool send_zones(struct responder *r)
{
	uint8_t room[IPC_MESSAGE_MAX];
	struct wbuf w;
	const size_t count = answer_db_zones(r->view->db);
	size_t i = 0;
	do {
		wbuf_init(&w, room, sizeof room);
		ipc_begin(&w, IPC_ZONE_COUNTS);
		size_t more_at = w.len, n = 0;
		put_u8(&w, 0);
		put_u16(&w, 0);
		for (; i < count && sizeof room - w.len > NAME_WIRE_MAX + 32; i++, n++)
			put_one(&w, r->view, i);
		room[more_at] = i < count;
		store_u16(room + more_at + 1, (uint16_t)n);
		if (!tell(r, &w))
			return false;
	} while (i < count);
	return true;
}

static void send_latency(struct responder *r)
{
	struct latency sum = { .sum_ns = 0 };
	uint8_t room[256];
	struct wbuf w;
	for (unsigned i = 0; i < r->worker_count; i++)
		latency_sum(&sum, &r->workers[i].latency);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LATENCY);
	put_u8(&w, LATENCY_BUCKETS);
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		put_u64(&w, sum.count[i]);
	put_u64(&w, sum.sum_ns);
	tell(r, &w);
}

/* Zones are many numbers: they are told where there is another view or another listener, and counted ones where anything was asked. */
void figures_send(struct responder *r)
{
	if (!r->coordinator || !r->view || chan_queued(r->coordinator))
		return;
	uint64_t mark = r->view->generation;
	for (unsigned i = 0; i < r->worker_count; i++)
		mark += __atomic_load_n(&r->workers[i].answer.stats.queries, __ATOMIC_RELAXED);
	mark += r->main_answer.stats.queries;
	if (r->figures_told == mark + 1)
		return;
	send_latency(r);
	if ((r->zones_told == r->view->generation && !answer_db_counted(r->view->db)) || send_zones(r)) {
		r->figures_told = mark + 1;
		r->zones_told = r->view->generation;
	}
}

void figures_tell_last(struct responder *r, struct legacy_writer *l)
{
	struct latency sum = { .sum_ns = 0 };
	uint64_t v[2 + LEGACY_NAME_VALUES] = { 0 };
	for (unsigned i = 0; i < r->worker_count; i++)
		latency_sum(&sum, &r->workers[i].latency);
	v[1] = sum.sum_ns;
	memcpy(v + 2, sum.count, sizeof sum.count);
	legacy_add(l, LEGACY_LATENCY, v, 2 + LATENCY_BUCKETS);
	for (size_t i = 0; r->view && i < answer_db_counted(r->view->db); i++) {
		char name[NAME_TEXT_MAX];
		const uint8_t *apex;
		answer_db_zone(r->view->db, i, &apex);
		v[1] = sum_zone(r->view, i);
		size_t count = v[1] ? legacy_name_put(v + 2, name_format(apex, name)) : 0;
		if (count)
			legacy_add(l, LEGACY_ZONE, v, 2 + count);
	}
}
