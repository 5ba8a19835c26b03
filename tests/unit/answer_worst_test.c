/* The dearest things that a packet can ask for: what each costs is bounded, and told in lookups, which no machine changes.
 *
 * To count instructions, row 3 of the table a thousand times and nothing else that counts:
 *
 *     CK_FORK=no GEMEL_WORST=3 valgrind --tool=callgrind --collect-atstart=no --toggle-collect='one_question_often*' answer_worst_test
 */
#include <stdio.h>
#include <string.h>
#include "answer/db.h"
#include "base/buf.h"
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define TEN(s) s s s s s s s s s s
#define LINKS (IMAGE_CHAIN_MAX + 4) /* of the chain in the zone: more than are followed */
#define NODES_MAX IMAGE_CHAIN_MAX /* looked up for one question beside its own name: each target */

/* Lookups of the question at hand: the linker sends the calls through here. But for the question's own name, which is looked up
 * once, inline: answer_query has no loop. */
static unsigned zones_looked_up, nodes_looked_up;
const struct answer_zone *__real_db_find_zone(const struct answer_db *db, const struct answer_name *n, unsigned max_labels);
const struct answer_zone *__wrap_db_find_zone(const struct answer_db *db, const struct answer_name *n, unsigned max_labels);
const struct answer_zone *__wrap_db_find_zone(const struct answer_db *db, const struct answer_name *n, unsigned max_labels)
{
	zones_looked_up++;
	return __real_db_find_zone(db, n, max_labels);
}
enum db_match __real_db_find_node(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
				  const struct image_node **node);
enum db_match __wrap_db_find_node(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
				  const struct image_node **node);
enum db_match __wrap_db_find_node(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
				  const struct image_node **node)
{
	nodes_looked_up++;
	return __real_db_find_node(db, z, n, node);
}

static struct kit kit;

/* "x" 120 times, each a label, before the name. */
#define DEEP TEN(TEN("x.")) TEN("x.") TEN("x.")

static void open_zone(void)
{
	static char text[20000];
	size_t at = (size_t)snprintf(text, sizeof text, "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
				     "*.wild A 192.0.2.3\ndn DNAME y.dn2\ndn2 DNAME y.dn\n");
	for (int i = 0; i < LINKS; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, DEEP "c%02d CNAME " DEEP "c%02d\n", i, i + 1);
	const struct kit_zone z = { .apex = "t", .text = text };
	kit_init(&kit, &z, 1);
}

/* ---- questions ---- */

struct packet { uint8_t data[DNS_MESSAGE_MAX]; struct wbuf w; };

static void put_head(struct packet *p, const char *name, uint16_t additional)
{
	wbuf_init(&p->w, p->data, sizeof p->data);
	put_u32(&p->w, 0x12340000);
	put_u32(&p->w, 0x00010000);
	put_u32(&p->w, additional);
	while (*name) {
		size_t n = strcspn(name, ".");
		put_u8(&p->w, (uint8_t)n);
		put_bytes(&p->w, name, n);
		name += n + (name[n] == '.');
	}
	put_u8(&p->w, 0);
	put_u32(&p->w, DNS_TYPE_A << 16 | DNS_CLASS_IN);
}

static void put_opt(struct packet *p, uint16_t len)
{
	put_u8(&p->w, 0);
	put_u32(&p->w, DNS_TYPE_OPT << 16 | 4096);
	put_u32(&p->w, DNS_EDNS_DO);
	put_u16(&p->w, len);
}

static void plain(struct packet *p) { put_head(p, "www.t", 0); }
static void deep_nothing(struct packet *p) { put_head(p, DEEP "nothing.t", 0); }
static void deep_wildcard(struct packet *p) { put_head(p, DEEP "wild.t", 0); }
static void long_chain(struct packet *p) { put_head(p, DEEP "c00.t", 0); }
static void growing_dname(struct packet *p) { put_head(p, TEN("x.") "dn.t", 0); }
static void other_zone(struct packet *p) { put_head(p, DEEP "elsewhere", 0); }

/* As many options as a message holds, none of them known. */
static void many_options(struct packet *p)
{
	put_head(p, "www.t", 1);
	const unsigned n = (unsigned)((sizeof p->data - p->w.len - 11) / 4);
	put_opt(p, (uint16_t)(4 * n));
	for (unsigned i = 0; i < n; i++)
		put_u32(&p->w, 65001u << 16);
}

/* The OPT is the last of as many records as there can be; their owners point at the longest of names. */
static void many_records(struct packet *p)
{
	put_head(p, DEEP "nothing.t", 0);
	const unsigned n = (unsigned)((sizeof p->data - p->w.len - 11) / 12);
	for (unsigned i = 0; i < n; i++) {
		put_u16(&p->w, 0xc00c);
		put_u32(&p->w, DNS_TYPE_A << 16 | DNS_CLASS_IN);
		put_u32(&p->w, 0);
		put_u16(&p->w, 0);
	}
	put_opt(p, 0);
	store_u16(p->data + 10, (uint16_t)(n + 1));
}

/* Each record's owner points at the one before, which points at the one before that. */
static void pointers_to_pointers(struct packet *p)
{
	put_head(p, "www.t", 0);
	uint16_t before = 12;
	unsigned n = 0;
	for (; p->w.len < 0x3fff - 12 && p->w.len + 23 < sizeof p->data; n++) {
		const uint16_t here = (uint16_t)p->w.len;
		put_u16(&p->w, (uint16_t)(0xc000 | before));
		put_u32(&p->w, DNS_TYPE_A << 16 | DNS_CLASS_IN);
		put_u32(&p->w, 0);
		put_u16(&p->w, 0);
		before = here;
	}
	put_opt(p, 0);
	store_u16(p->data + 10, (uint16_t)(n + 1));
}

static void name_that_points(struct packet *p)
{
	put_head(p, "www.t", 0);
	memcpy(p->data + 12, "\3www\xc0\x0c", 6); /* at itself */
}

static const struct worst {
	const char *what;
	void (*make)(struct packet *p);
	const char *begins; /* the answer */
	unsigned zones, nodes; /* looked up for aliases, at most */
} worst[] = {
	{ "a plain question", plain, "NOERROR aa\nan www.t. 60 A 192.0.2.2", 0, 0 },
	{ "122 labels, none there", deep_nothing, "NXDOMAIN aa\nns t.", 0, 0 },
	{ "122 labels, by a wildcard", deep_wildcard, "NOERROR aa\nan x.x.x.", 0, 0 },
	{ "a chain of aliases of 122 labels", long_chain, "NOERROR aa\nan x.x.x.", NODES_MAX, NODES_MAX },
	{ "DNAMEs that make it grow", growing_dname, "", NODES_MAX, NODES_MAX },
	{ "121 labels, another zone", other_zone, "REFUSED", 0, 0 },
	{ "16,000 options", many_options, "NOERROR aa\nan www.t. 60 A 192.0.2.2\nopt 1232 do", 0, 0 },
	{ "5,400 records before the OPT", many_records, "NXDOMAIN aa\nns t.", 0, 0 },
	{ "pointers to pointers", pointers_to_pointers, "NOERROR aa\nan www.t. 60 A 192.0.2.2", 0, 0 },
	{ "a name that points at itself", name_that_points, "FORMERR", 0, 0 },
};

static struct packet packet;

static void ask(const struct worst *q)
{
	q->make(&packet);
	ck_assert(!packet.w.failed);
	zones_looked_up = nodes_looked_up = 0;
}

START_TEST(lookups_are_bounded)
{
	unsigned most = 0;
	open_zone();
	for (size_t i = 0; i < COUNT(worst); i++) {
		ask(&worst[i]);
		const char *said = kit_ask_wire(&kit, packet.data, packet.w.len, ANSWER_TCP);
		ck_assert_msg(strncmp(said, worst[i].begins, strlen(worst[i].begins)) == 0, "%s: %.200s", worst[i].what, said);
		ck_assert_msg(zones_looked_up <= worst[i].zones && nodes_looked_up <= worst[i].nodes, "%s: %u zones, %u nodes", worst[i].what,
			      zones_looked_up, nodes_looked_up);
		most = nodes_looked_up > most ? nodes_looked_up : most;
	}
	ck_assert_uint_eq(most, NODES_MAX); /* they are counted at all, and the chain is followed as far as it may */
	kit_deinit(&kit);
}
END_TEST

/* Only where somebody counts: see above. */
START_TEST(one_question_often)
{
	static uint8_t out[DNS_MESSAGE_MAX];
	const char *which = getenv("GEMEL_WORST");
	size_t len = 0;
	if (!which)
		return;
	const struct worst *q = &worst[strtoul(which, NULL, 10) % COUNT(worst)];
	open_zone();
	ask(q);
	for (int i = 0; i < 1000; i++)
		(void)answer_query(kit.db, &kit.worker, &kit.limits, &(struct answer_from){ .transport = ANSWER_TCP }, packet.data,
				   packet.w.len, out, sizeof out, &len);
	printf("%s: %zu octets, answered with %zu, %u nodes looked up\n", q->what, packet.w.len, len, nodes_looked_up / 1000);
	kit_deinit(&kit);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { lookups_are_bounded, one_question_often };
	return unit_run("answer: the worst", tests, COUNT(tests));
}
