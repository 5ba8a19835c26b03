/* A responder without sockets: views built from a real image, and transactions as the publisher sends them. Included once, by a
 * test. */
#ifndef GEMEL_TESTS_OVERLAY_KIT_H
#define GEMEL_TESTS_OVERLAY_KIT_H
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu-qsbr.h>
#include "app/overlay_log.h"
#include "app/responder_state.h"
#include "io/memfd.h"
#include "ipc/ipc.h"
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

static const struct kit_zone zone = { "example.test.", "@ 60 SOA ns1 h 1 3600 600 86400 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n"
				      "static 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nshop 60 A 192.0.2.3\n",
				      "www.example.test. shop.example.test." };
static struct responder *r;
static struct kit kit;
static int images[1], zones;

static inline int sealed(const void *data, size_t len)
{
	int fd = memfd_sealed("test", data, len);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline void setup(void)
{
	const struct answer_zone_ref ref = { 0 };
	struct image_builder *builder;
	const uint8_t *data;
	size_t len;
	r = calloc(1, sizeof *r);
	diags_init(&kit.diags);
	ck_assert_int_eq(image_builder_new(&builder, &kit_key), 0);
	kit_add_zone(builder, &zone, &kit.diags);
	ck_assert_int_eq(image_finish(builder, &data, &len), 0);
	images[0] = sealed(data, len);
	zones = sealed(&ref, sizeof ref);
	image_builder_free(builder);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	kit.worker.rng[0] = 1;
}

/* Made and looked through; NULL where it is refused. */
static inline struct view *overlay_view(uint64_t generation, const struct view *old, const int *fds, size_t count, int zones_fd,
					unsigned workers)
{
	struct view *v;
	if (view_new(&v, generation, old, fds, count, zones_fd, workers))
		return NULL;
	if (view_check(v) == 0)
		return v;
	view_free(v);
	return NULL;
}

static inline struct view *view(uint64_t generation)
{
	struct view *v = overlay_view(generation, NULL, images, 1, zones, 1);
	ck_assert_ptr_nonnull(v);
	return v;
}

static inline void teardown(void)
{
	view_free(r->view);
	view_free(r->waiting);
	for (size_t i = 0; i < r->overlay.count; i++)
		answer_live_free(r->overlay.changes[i].live);
	free(r->overlay.changes);
	free(r);
	close(images[0]);
	close(zones);
	diags_deinit(&kit.diags);
}

/* ---- transactions, as the publisher sends them ---- */

static struct overlay_log record = { .fd = -1 }; /* where everything said is written as well */
static bool wait;

static inline void say(const struct wbuf *w)
{
	ck_assert(!w->failed);
	overlay_log_add(&record, w->data, w->len);
	bool now = false;
	ck_assert(overlay_message(r, w->data, w->len, &now));
	wait |= now;
}

#define MESSAGE(type)                            \
	uint8_t room[2048];                      \
	struct wbuf w;                           \
	wbuf_init(&w, room, sizeof room);        \
	ipc_begin(&w, type)

static inline void begin(uint64_t generation, uint64_t seq, uint8_t how)
{
	MESSAGE(IPC_BEGIN);
	put_u64(&w, generation);
	put_u64(&w, seq);
	put_u8(&w, how);
	wait = false;
	say(&w);
}

static inline size_t owner_of(uint8_t out[NAME_WIRE_MAX], const char *name)
{
	int n = name_parse(out, name, strlen(name), NULL, true);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static inline void set(const char *owner, uint8_t last_octet)
{
	struct ipc_set_member m = { .ip = { 127, 0, 0, last_octet }, .weight = 1 };
	struct ipc_set s = { .class = DNS_CLASS_IN, .type = DNS_TYPE_A, .ttl_s = 10, .pick = ANSWER_PICK_ROTATE, .count = 1, .members = &m };
	s.owner_len = (uint8_t)owner_of(s.owner, owner);
	uint8_t room[2048];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_set_put(&w, &s);
	say(&w);
}

static inline void withdraw(const char *owner)
{
	uint8_t name[NAME_WIRE_MAX];
	size_t len = owner_of(name, owner);
	MESSAGE(IPC_WITHDRAW);
	put_u16(&w, DNS_CLASS_IN);
	put_u16(&w, DNS_TYPE_A);
	put_block(&w, name, len);
	say(&w);
}

static inline void commit(uint64_t generation, uint64_t seq)
{
	MESSAGE(IPC_COMMIT);
	put_u64(&w, generation);
	put_u64(&w, seq);
	say(&w);
	overlay_log_commit(&record, false);
}

/* "127.0.0.n" as n; 0 for SERVFAIL: not ready; -1 for anything else. */
static inline int answer(const char *owner)
{
	char question[300];
	kit.db = r->view->db;
	kit.worker.turn = r->view->turn[0];
	snprintf(question, sizeof question, "%s A", owner);
	const char *text = kit_ask(&kit, question), *at = strstr(text, " A 127.0.0.");
	return at ? atoi(at + 11) : strncmp(text, "SERVFAIL", 8) == 0 ? 0 : -1;
}

#define WWW "www.example.test"
#define SHOP "shop.example.test"

static inline void serve_generation(uint64_t generation)
{
	r->waiting = view(generation);
	begin(generation, 1, IPC_BEGIN_WHOLE);
	set(WWW, 11);
	set(SHOP, 21);
	commit(generation, 1);
	ck_assert_int_eq(answer(WWW), 11);
	ck_assert_int_eq(answer(SHOP), 21);
}

#endif
