/* The loader by its messages: a supervisor of the test's own holds generations and asks for the next. */
#include "app/confine.h"
#include "app/loader.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "app/snapshot.h"
#include "conf_help.h"
#include "core/plan.h"
#include "io/chan.h"
#include "io/memfd.h"
#include "ipc/ipc.h"
#include "unit.h"

#define ZONE(serial, more) "$TTL 300\n@ SOA ns1 h " serial " 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n" more
#define CONFIG \
	"node 'n' { listen = '127.0.0.1:5301', state = 'state' }\n" \
	"zone 'a.test' { file = 'a.zone' }\nzone 'b.test' { file = 'b.zone' }\n" \
	"check 'c' { script = 'tcp', args = { port = 1 } }\n" \
	"service 'www.a.test' { check = 'c' }\nservice 't.b.test' { check = 'c', tiers = { { '192.0.2.7' } } }\n"

struct generation {
	int images[ANSWER_IMAGES_MAX];
	size_t image_count;
	int zones, plan_fd;
	struct answer_zone_ref refs[64];
	size_t ref_count;
	struct plan *plan;
	struct image im[ANSWER_IMAGES_MAX];
	const uint8_t *map[ANSWER_IMAGES_MAX];
	size_t map_len[ANSWER_IMAGES_MAX];
	bool site, saved;
	bool was_unsaved; /* of the one that comes after: what to tell its loader */
	int status;
	char diags[16384];
};

static void generation_free(struct generation *g)
{
	for (size_t i = 0; i < g->image_count; i++) {
		memfd_unmap(g->map[i], g->map_len[i]);
		close(g->images[i]);
	}
	if (g->zones >= 0)
		close(g->zones);
	if (g->plan_fd >= 0)
		close(g->plan_fd);
	plan_free(g->plan);
	free(g);
}

static void *run_loader(void *arg)
{
	int *fd = arg;

	(void)loader_main(*fd, "gemel.lua", NULL, 5);
	return NULL;
}

static void send_simple(int fd, enum ipc_type t, int with, uint16_t index)
{
	uint8_t room[32];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	if (t == IPC_HELLO) {
		put_u16(&w, IPC_VERSION);
		put_u8(&w, IPC_LOADER);
	} else {
		if (t == IPC_IMAGE)
			put_u16(&w, index);
		put_u64(&w, 4);
	}
	ck_assert_int_eq(chan_send_now(fd, room, w.len, &with, with >= 0), 0);
}

static void take_image(struct generation *g, struct rbuf *r, int fd)
{
	uint16_t at = get_u16(r);

	ck_assert_uint_eq(at, g->image_count);
	ck_assert_uint_eq(get_u64(r), 5);
	g->images[at] = fd;
	ck_assert_int_eq(memfd_map(fd, &g->map[at], &g->map_len[at]), 0);
	ck_assert_int_eq(image_open(&g->im[at], g->map[at], g->map_len[at]), 0);
	g->image_count++;
}

static void take_zones(struct generation *g, int fd)
{
	const uint8_t *data;
	size_t len;

	g->zones = fd;
	if (memfd_map(fd, &data, &len))
		return;
	ck_assert_uint_le(len, sizeof g->refs);
	memcpy(g->refs, data, len);
	g->ref_count = len / sizeof *g->refs;
	memfd_unmap(data, len);
}

static void take_plan(struct generation *g, int fd)
{
	const uint8_t *data;
	size_t len;

	g->plan_fd = fd;
	ck_assert_int_eq(memfd_map(fd, &data, &len), 0);
	ck_assert_int_eq(plan_decode(&g->plan, data, len), 0);
	memfd_unmap(data, len);
}

static void take_diag(struct generation *g, struct rbuf *r)
{
	char line[4096];

	get_u8(r);
	get_str(r, line, sizeof line);
	ck_assert(!r->failed);
	ck_assert_uint_lt(strlen(g->diags) + strlen(line) + 2, sizeof g->diags);
	strcat(strcat(g->diags, line), "\n");
}

static void take(struct generation *g, const uint8_t *data, size_t len, const int *fds, size_t fd_count)
{
	struct rbuf r;
	enum ipc_type t;

	rbuf_init(&r, data, len);
	t = ipc_type_get(&r);
	ck_assert_uint_eq(fd_count, t == IPC_IMAGE || t == IPC_ZONES || t == IPC_PLAN);
	ck_assert(g->status < 0 || t == IPC_DIAG || t == IPC_SAVED); /* all is handed over before a disk is waited for */
	ck_assert(!g->saved);
	if (t == IPC_DIAG)
		take_diag(g, &r);
	else if (t == IPC_SAVED)
		g->saved = true;
	else if (t == IPC_SITE)
		g->site = true;
	else if (t == IPC_CONFINED)
		ck_assert(!g->site); /* before zones are read */
	else if (t == IPC_IMAGE)
		take_image(g, &r, fds[0]);
	else if (t == IPC_ZONES)
		take_zones(g, fds[0]);
	else if (t == IPC_PLAN)
		take_plan(g, fds[0]);
	else
		ck_assert_int_eq(t, IPC_DONE);
	if (t == IPC_DONE)
		g->status = get_u8(&r);
}

/* One load; before: what is served now, or NULL. */
static struct generation *load(const struct generation *before)
{
	struct generation *g = calloc(1, sizeof *g);
	static uint8_t room[IPC_MESSAGE_MAX];
	int fds[2], got[IPC_FDS_MAX];
	pthread_t thread;
	size_t len, count = IPC_FDS_MAX;

	g->zones = g->plan_fd = g->status = -1;
	ck_assert_int_eq(chan_pair(fds), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loader, &fds[1]), 0);
	send_simple(fds[0], IPC_HELLO, -1, 0);
	for (size_t i = 0; before && i < before->image_count; i++)
		send_simple(fds[0], IPC_IMAGE, before->images[i], (uint16_t)i);
	if (before)
		send_simple(fds[0], IPC_ZONES, before->zones, 0);
	if (before && before->was_unsaved)
		send_simple(fds[0], IPC_UNSAVED, -1, 0);
	send_simple(fds[0], IPC_START, -1, 0);
	for (; chan_recv_now(fds[0], room, sizeof room, &len, got, &count) == 0; count = IPC_FDS_MAX)
		take(g, room, len, got, count);
	ck_assert_int_ge(g->status, 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	return g;
}

static const struct image_zone *zone(const struct generation *g, size_t i)
{
	ck_assert_uint_lt(i, g->ref_count);
	ck_assert_uint_lt(g->refs[i].image, g->image_count);
	ck_assert_uint_lt(g->refs[i].zone, g->im[g->refs[i].image].head->zone_count);
	return &g->im[g->refs[i].image].zones[g->refs[i].zone];
}

static ino_t inode(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

static void enter(void)
{
	help_enter();
	help_write("gemel.lua", CONFIG);
	help_write("a.zone", ZONE("1", "www A 192.0.2.1\nwww A 192.0.2.2\n"));
	help_write("b.zone", ZONE("1", ""));
}

static const struct plan_service *service(const struct generation *g, const char *name)
{
	for (uint32_t i = 0; i < g->plan->service_count; i++)
		if (!strcmp(g->plan->services[i].name, name))
			return &g->plan->services[i];
	return NULL;
}

START_TEST(a_first_load_hands_over_everything)
{
	struct generation *g;

	enter();
	g = load(NULL);
	ck_assert_int_eq(g->status, 0);
	ck_assert_str_eq(g->diags, "");
	ck_assert(g->site);
	ck_assert_uint_eq(g->image_count, 1);
	ck_assert_uint_eq(g->ref_count, 2);
	ck_assert_uint_eq(zone(g, 0)->serial, 1);
	ck_assert_uint_eq(g->im[0].head->slot_count, 4);
	ck_assert_uint_eq(g->plan->generation, 5);
	ck_assert_uint_eq(service(g, "www.a.test")->policy.member_count, 2);
	ck_assert_uint_eq(service(g, "t.b.test")->policy.ttl_max_s, 60);
	ck_assert(snapshot_exists("state"));
	generation_free(g);
	help_leave();
}
END_TEST

START_TEST(what_did_not_change_stays_where_it_is)
{
	struct generation *a, *b, *c;
	struct stat before, after;

	enter();
	a = load(NULL);
	ck_assert_int_eq(stat("state/zones.img", &before), 0);
	b = load(a);
	ck_assert_int_eq(b->status, 0);
	ck_assert_uint_eq(b->image_count, 1);
	ck_assert_uint_eq(inode(b->images[0]), inode(a->images[0]));
	/* from the image: the zone was not parsed */
	ck_assert_uint_eq(service(b, "www.a.test")->policy.member_count, 2);
	ck_assert_uint_eq(service(b, "www.a.test")->policy.ttl_max_s, 300);
	ck_assert_uint_eq(b->plan->digest, a->plan->digest);
	ck_assert_int_eq(stat("state/zones.img", &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);

	help_write("b.zone", ZONE("2", "new A 192.0.2.9\n"));
	c = load(b);
	ck_assert_int_eq(c->status, 0);
	ck_assert_uint_eq(c->image_count, 2);
	ck_assert_uint_eq(inode(c->images[0]), inode(a->images[0]));
	ck_assert_uint_eq(zone(c, 0)->serial, 1);
	ck_assert_uint_eq(zone(c, 1)->serial, 2);
	ck_assert_uint_ne(c->refs[0].image, c->refs[1].image);
	ck_assert(!memcmp(&c->im[0].head->key, &c->im[1].head->key, sizeof(struct hash_key)));
	ck_assert_int_eq(stat("state/zones.img", &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	ck_assert(a->saved && b->saved && c->saved);
	/* But where the last loader was killed before its snapshot was whole, the next writes it. */
	before = after;
	c->was_unsaved = true;
	generation_free(a);
	a = load(c);
	ck_assert(a->saved);
	ck_assert_int_eq(stat("state/zones.img", &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	generation_free(a);
	generation_free(b);
	generation_free(c);
	help_leave();
}
END_TEST

START_TEST(a_broken_zone_keeps_its_old_version)
{
	struct generation *a, *b, *c;

	enter();
	a = load(NULL);
	help_write("a.zone", ZONE("2", "www A 192.0.2.1\nmail A 192.0.2.300\n"));
	help_write("b.zone", ZONE("2", ""));
	b = load(a);
	ck_assert_int_eq(b->status, 1);
	ck_assert_ptr_nonnull(strstr(b->diags, "a.zone:6:8: \"192.0.2.300\""));
	ck_assert_ptr_nonnull(strstr(b->diags, "zone \"a.test\" is served from its old version (serial 1)"));
	ck_assert_uint_eq(zone(b, 0)->serial, 1);
	ck_assert_uint_eq(zone(b, 1)->serial, 2);
	ck_assert_uint_eq(service(b, "www.a.test")->policy.member_count, 2);
	unlink("a.zone");
	c = load(b);
	ck_assert_int_eq(c->status, 1);
	ck_assert_ptr_nonnull(strstr(c->diags, "cannot read a.zone: No such file or directory"));
	ck_assert_uint_eq(zone(c, 0)->serial, 1);
	generation_free(a);
	generation_free(b);
	generation_free(c);
	help_leave();
}
END_TEST

START_TEST(at_a_start_a_broken_zone_comes_from_the_snapshot)
{
	struct generation *a, *b, *c;

	enter();
	a = load(NULL);
	generation_free(a);
	help_write("a.zone", "nonsense\n");
	help_write("b.zone", ZONE("2", ""));
	b = load(NULL);
	ck_assert_int_eq(b->status, 1);
	ck_assert_ptr_nonnull(strstr(b->diags, "zone \"a.test\" is served from the last good snapshot (serial 1)"));
	ck_assert_uint_eq(zone(b, 0)->serial, 1);
	ck_assert_uint_ne(zone(b, 0)->apex_node_at, 0);
	ck_assert_uint_eq(zone(b, 1)->serial, 2);
	ck_assert_uint_eq(b->image_count, 2);
	ck_assert_uint_eq(service(b, "www.a.test")->policy.member_count, 2);
	generation_free(b);
	/* The snapshot written then still holds it. */
	c = load(NULL);
	ck_assert_int_eq(c->status, 1);
	ck_assert_uint_eq(zone(c, 0)->serial, 1);
	ck_assert_uint_eq(zone(c, 1)->serial, 2);
	generation_free(c);
	help_leave();
}
END_TEST

START_TEST(a_zone_without_any_version_is_servfail_and_heals)
{
	struct generation *a, *b, *c;

	enter();
	help_write("a.zone", "nonsense\n");
	a = load(NULL);
	ck_assert_int_eq(a->status, 1);
	ck_assert_ptr_nonnull(strstr(a->diags, "zone \"a.test\" has no good version: it is answered with SERVFAIL"));
	ck_assert_uint_eq(zone(a, 0)->apex_node_at, 0);
	ck_assert_uint_ne(zone(a, 1)->apex_node_at, 0);
	ck_assert_ptr_null(service(a, "www.a.test"));
	ck_assert_ptr_nonnull(service(a, "t.b.test"));
	b = load(a);
	ck_assert_int_eq(b->status, 1);
	ck_assert_uint_eq(b->image_count, 1);
	ck_assert_uint_eq(zone(b, 0)->apex_node_at, 0);
	help_write("a.zone", ZONE("7", "www A 192.0.2.1\n"));
	c = load(b);
	ck_assert_int_eq(c->status, 0);
	ck_assert_uint_eq(zone(c, 0)->serial, 7);
	ck_assert_uint_eq(service(c, "www.a.test")->policy.member_count, 1);
	generation_free(a);
	generation_free(b);
	generation_free(c);
	help_leave();
}
END_TEST

START_TEST(a_faulty_configuration_is_refused_whole)
{
	static const char *const faults[] = {"service 'x.a.test' { chek = 'c' }\n", "}\n", "error('no')\n",
					     "while true do end\n",
					     "service 'www.a.test' { check = 'c' }\n", "node 'm' {}\n"};
	char text[2048];
	struct generation *a, *b;

	enter();
	a = load(NULL);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		snprintf(text, sizeof text, CONFIG "%s", faults[i]);
		help_write("gemel.lua", text);
		b = load(a);
		ck_assert_int_eq(b->status, 2);
		ck_assert_uint_eq(b->image_count, 0);
		ck_assert(!b->site);
		ck_assert_ptr_null(b->plan);
		ck_assert_str_ne(b->diags, "");
		generation_free(b);
	}
	generation_free(a);
	help_leave();
}
END_TEST

START_TEST(many_reloads_do_not_pile_up_images)
{
	struct generation *before, *g;
	char text[512];

	enter();
	before = load(NULL);
	for (unsigned i = 2; i < 60; i++) {
		snprintf(text, sizeof text,
			 "$TTL 300\n@ SOA ns1 h %u 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n", i);
		help_write(i % 2 ? "a.zone" : "b.zone", text);
		g = load(before);
		ck_assert_int_eq(g->status, 0);
		ck_assert_uint_le(g->image_count, 17);
		ck_assert_uint_eq(zone(g, i % 2 ? 0 : 1)->serial, i);
		ck_assert_uint_eq(zone(g, i % 2 ? 1 : 0)->serial, i - 1);
		generation_free(before);
		before = g;
	}
	generation_free(before);
	help_leave();
}
END_TEST

START_TEST(a_zone_is_dropped_and_comes_back)
{
	struct generation *a, *b, *c;

	enter();
	a = load(NULL);
	help_write("gemel.lua", "node 'n' { state = 'state' }\n");
	b = load(a);
	ck_assert_int_eq(b->status, 0);
	ck_assert_uint_eq(b->ref_count, 0);
	ck_assert_uint_eq(b->image_count, 1);
	ck_assert_uint_eq(b->im[0].head->zone_count, 0);
	help_write("gemel.lua", CONFIG);
	c = load(b);
	ck_assert_int_eq(c->status, 0);
	ck_assert_uint_eq(c->ref_count, 2);
	generation_free(a);
	generation_free(b);
	generation_free(c);
	help_leave();
}
END_TEST

/* ---- zones that are not read again ---- */

/* Octets that this process has read so far; 0 where the system does not tell. */
static unsigned long long octets_read(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	unsigned long long n = 0;

	if (f && fscanf(f, "rchar: %llu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* Loads upon g until its zone a is known by a stamp: a file is not, as long as a change might not show in its times. */
static struct generation *load_until_stamped(struct generation *g)
{
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (end = now.tv_sec + 20; !g->refs[0].stamp && now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
		struct generation *next = load(g);

		generation_free(g);
		g = next;
	}
	ck_assert_uint_ne(g->refs[0].stamp, 0);
	return g;
}

#define FILLER_LEN ((size_t)4 << 20)

/* A zone file large enough that reading it shows. */
static void write_large(const char *file, unsigned serial)
{
	char *text = malloc(FILLER_LEN + 1);
	int n;

	ck_assert_ptr_nonnull(text);
	n = snprintf(text, FILLER_LEN, "$TTL 300\n@ SOA ns1 h %u 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n;",
		     serial);
	memset(text + n, 'x', FILLER_LEN - (size_t)n);
	text[FILLER_LEN] = 0;
	for (size_t i = 1000; i < FILLER_LEN - 2; i += 1000)
		memcpy(text + i, "\n;", 2);
	help_write(file, text);
	free(text);
}

static struct timespec mtime(const char *file)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_mtim;
}

static void set_mtime(const char *file, struct timespec t)
{
	ck_assert_int_eq(utimensat(AT_FDCWD, file, (struct timespec[2]){t, t}, 0), 0);
}

START_TEST(an_unchanged_zone_is_not_read)
{
	struct generation *a, *b;
	unsigned long long before, after;

	enter();
	write_large("a.zone", 1);
	a = load_until_stamped(load(NULL));
	before = octets_read();
	b = load(a);
	after = octets_read();
	ck_assert_int_eq(b->status, 0);
	if (before)
		ck_assert_uint_lt(after - before, FILLER_LEN / 2);
	else
		fprintf(stderr, "no /proc/self/io: whether the file was read is not seen\n");
	ck_assert_uint_eq(b->refs[0].stamp, a->refs[0].stamp);
	ck_assert_uint_eq(inode(b->images[0]), inode(a->images[0]));
	ck_assert_uint_eq(service(b, "www.a.test")->policy.member_count, 1);
	ck_assert_uint_eq(b->plan->digest, a->plan->digest);
	generation_free(a);
	generation_free(b);
	help_leave();
}
END_TEST

/* Same size, same time of change: what else tells is the inode, and the time of the inode's change, which nobody can set. */
START_TEST(a_change_that_hides_is_seen)
{
	struct generation *a, *b, *c;
	struct timespec t;

	enter();
	help_write("a.zone", ZONE("1", "www A 192.0.2.1\n"));
	a = load_until_stamped(load(NULL));
	t = mtime("a.zone");
	help_write("a.zone", ZONE("2", "www A 192.0.2.1\n")); /* in place */
	set_mtime("a.zone", t);
	b = load(a);
	ck_assert_uint_eq(zone(b, 0)->serial, 2);
	b = load_until_stamped(b);
	help_write("new", ZONE("3", "www A 192.0.2.1\n"));
	set_mtime("new", t);
	ck_assert_int_eq(rename("new", "a.zone"), 0);
	c = load(b);
	ck_assert_uint_eq(zone(c, 0)->serial, 3);
	generation_free(a);
	generation_free(b);
	generation_free(c);
	help_leave();
}
END_TEST

START_TEST(a_touched_zone_stays_in_its_image_and_gets_a_new_stamp)
{
	struct generation *a, *b;
	struct timespec t = {.tv_sec = 1000000000, .tv_nsec = 5};
	uint64_t old;

	enter();
	a = load_until_stamped(load(NULL));
	old = a->refs[0].stamp;
	set_mtime("a.zone", t);
	b = load(a);
	ck_assert_uint_eq(inode(b->images[0]), inode(a->images[0]));
	ck_assert_uint_ne(b->refs[0].stamp, old);
	b = load_until_stamped(b);
	ck_assert_uint_ne(b->refs[0].stamp, old);
	ck_assert_uint_eq(inode(b->images[0]), inode(a->images[0]));
	generation_free(a);
	generation_free(b);
	help_leave();
}
END_TEST

START_TEST(a_service_more_is_seen_without_a_change_of_the_file)
{
	struct generation *a, *b;

	enter();
	help_write("a.zone", ZONE("1", "www A 192.0.2.1\nmail A 192.0.2.2\n"));
	a = load_until_stamped(load(NULL));
	help_write("gemel.lua", CONFIG "service 'mail.a.test' { check = 'c' }\n");
	b = load(a);
	ck_assert_int_eq(b->status, 0);
	ck_assert_uint_ne(b->refs[0].image, b->refs[1].image);
	ck_assert_uint_eq(service(b, "mail.a.test")->policy.member_count, 1);
	generation_free(a);
	generation_free(b);
	help_leave();
}
END_TEST

/* The file itself never changes, what it includes does. */
START_TEST(a_zone_with_includes_is_always_read)
{
	struct generation *g, *next;
	char text[64];

	enter();
	help_write("part", "www A 192.0.2.1\n");
	help_write("a.zone", ZONE("1", "$INCLUDE part\n"));
	g = load(NULL);
	/* b.zone is as old, and stamped in the end: time is not what is missing */
	for (unsigned i = 0; i < 100000 && !g->refs[1].stamp; i++) {
		next = load(g);
		generation_free(g);
		g = next;
	}
	ck_assert_uint_ne(g->refs[1].stamp, 0);
	for (unsigned i = 1; i < 4; i++) {
		snprintf(text, sizeof text, "%.*s", (int)(16 * i), "www A 192.0.2.1\nwww A 192.0.2.2\nwww A 192.0.2.3\n");
		help_write("part", text);
		next = load(g);
		ck_assert_uint_eq(next->refs[0].stamp, 0);
		ck_assert_uint_eq(service(next, "www.a.test")->policy.member_count, i);
		generation_free(g);
		g = next;
	}
	generation_free(g);
	help_leave();
}
END_TEST

START_TEST(a_broken_file_is_told_at_every_reload)
{
	struct generation *g, *next;

	enter();
	g = load_until_stamped(load(NULL));
	help_write("a.zone", "nonsense\n");
	for (unsigned i = 0; i < 50; i++) {
		next = load(g);
		ck_assert_int_eq(next->status, 1);
		ck_assert_ptr_nonnull(strstr(next->diags, "a.zone:1:"));
		ck_assert_uint_eq(zone(next, 0)->serial, 1);
		ck_assert_uint_eq(next->refs[0].stamp, 0);
		generation_free(g);
		g = next;
	}
	generation_free(g);
	help_leave();
}
END_TEST

static int garbage_fd(const void *data, size_t len)
{
	int fd = memfd_sealed("garbage", data, len);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(garbage_from_before_only_costs_a_rebuild)
{
	struct answer_zone_ref wild[3] = {{0, 0, 1}, {0, UINT32_MAX, 2}, {9999, 1, 3}};
	struct generation before = {.image_count = 2, .zones = -1, .plan_fd = -1}, *g;
	char text[600];

	enter();
	memset(text, 'x', sizeof text);
	before.images[0] = garbage_fd(text, sizeof text);
	before.images[1] = garbage_fd("", 0);
	before.zones = garbage_fd(wild, sizeof wild);
	g = load(&before);
	ck_assert_int_eq(g->status, 0);
	ck_assert_uint_eq(g->image_count, 1);
	ck_assert_uint_eq(g->ref_count, 2);
	generation_free(g);
	close(before.images[0]);
	close(before.images[1]);
	close(before.zones);
	help_leave();
}
END_TEST

/* Each octet of the snapshot's head and lists flipped in turn, and the file cut everywhere: never a crash, and what is
 * served from it is whole or not at all. */
START_TEST(a_damaged_snapshot_is_survived)
{
	static uint8_t whole[65536], bad[65536];
	struct generation *g;
	size_t len;
	int fd;

	enter();
	generation_free(load(NULL));
	fd = open("state/zones.img", O_RDONLY);
	len = (size_t)read(fd, whole, sizeof whole);
	close(fd);
	ck_assert_uint_gt(len, 500);
	ck_assert_uint_lt(len, sizeof whole);
	for (size_t i = 0; i < 2 * len; i += i < 64 ? 1 : 37) {
		struct imageset s;
		void *memory = NULL;
		struct answer_zone_ref r;

		memcpy(bad, whole, len);
		bad[i % len] ^= 0x41;
		help_write_mode("state/zones.img", (char *)bad, i < len ? len : i - len, 0600);
		imageset_init(&s);
		ck_assert_int_eq(snapshot_read(&s, "state", &memory), 0);
		if (imageset_find(&s, (const uint8_t *)"\1a\4test", &r))
			ck_assert_uint_eq(imageset_zone(&s, &r)->serial, 1);
		imageset_deinit(&s);
		free(memory);
	}
	help_write("a.zone", "nonsense\n");
	g = load(NULL);
	ck_assert_int_eq(g->status, 1);
	ck_assert_uint_eq(zone(g, 0)->apex_node_at, 0);
	generation_free(g);
	help_leave();
}
END_TEST

static size_t read_snapshot(char *out, size_t cap)
{
	int fd = open("state/zones.img", O_RDONLY);
	ssize_t n = read(fd, out, cap);

	close(fd);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

/* A snapshot that an older version left: not used, no harm, and replaced by what this one makes. */
START_TEST(an_older_snapshot_is_replaced)
{
	static char file[65536];
	const uint32_t older = IMAGE_VERSION - 1;
	uint32_t version;
	size_t len;
	char *image;

	enter();
	generation_free(load(NULL));
	len = read_snapshot(file, sizeof file);
	image = memmem(file, len, IMAGE_MAGIC, 8);
	ck_assert_ptr_nonnull(image);
	memcpy(image + offsetof(struct image_header, version), &older, sizeof older);
	help_write_mode("state/zones.img", file, len, 0600);
	help_write("a.zone", "nonsense\n");
	struct generation *g = load(NULL);
	ck_assert_int_eq(g->status, 1);
	ck_assert_ptr_nonnull(strstr(g->diags, "has no good version"));
	generation_free(g);
	len = read_snapshot(file, sizeof file);
	image = memmem(file, len, IMAGE_MAGIC, 8);
	ck_assert_ptr_nonnull(image);
	memcpy(&version, image + offsetof(struct image_header, version), sizeof version);
	ck_assert_uint_eq(version, IMAGE_VERSION);
	help_leave();
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_written_is_only_a_warning)
{
	struct generation *g;

	enter();
	help_write("state", "a file where the folder should be");
	g = load(NULL);
	ck_assert_int_eq(g->status, 0);
	ck_assert_ptr_nonnull(strstr(g->diags, "cannot write zones.img"));
	ck_assert(!g->saved);
	generation_free(g);
	help_leave();
}
END_TEST

int main(void)
{
	setenv(CONFINE_VARIABLE, "no", 1); /* loads run in this process; the confinement has its own test */
	const TTest *const tests[] = {
		a_first_load_hands_over_everything, what_did_not_change_stays_where_it_is,
		a_broken_zone_keeps_its_old_version,
		at_a_start_a_broken_zone_comes_from_the_snapshot, a_zone_without_any_version_is_servfail_and_heals,
		a_faulty_configuration_is_refused_whole, many_reloads_do_not_pile_up_images,
		a_zone_is_dropped_and_comes_back,
		an_unchanged_zone_is_not_read, a_change_that_hides_is_seen,
		a_touched_zone_stays_in_its_image_and_gets_a_new_stamp,
		a_service_more_is_seen_without_a_change_of_the_file, a_zone_with_includes_is_always_read,
		a_broken_file_is_told_at_every_reload,
		garbage_from_before_only_costs_a_rebuild, a_damaged_snapshot_is_survived,
		an_older_snapshot_is_replaced, a_snapshot_that_cannot_be_written_is_only_a_warning,
	};

	return unit_run("loader", tests, sizeof tests / sizeof *tests);
}
