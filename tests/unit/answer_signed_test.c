/* Answers from signed zones: which signatures and proofs go with each kind of answer, told in short form:
 *
 *     NOERROR aa | an www 60 A+ | ns a 30 NSEC+ c        "+": with its RRSIG, of the same TTL
 *
 * Owners are relative to the zone; an NSEC3 is told by the name whose hash it has, or "~name" for the one that covers it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

#define SIG(owner, ttl, type) \
	owner " " ttl " RRSIG " type " 13 2 60 20300101000000 20200101000000 7 example.test. AAAA\n"
#define SET(owner, type, rdata) owner " 60 " type " " rdata "\n" SIG(owner, "60", type)
#define NSEC(owner, next, types) owner " 30 NSEC " next " " types " RRSIG NSEC\n" SIG(owner, "30", "NSEC")
#define SOA "@ 90 SOA ns1 h 1 2 3 4 45\n" SIG("@", "90", "SOA")
#define DIGEST "0000000000000000000000000000000000000000000000000000000000000001"

/* The same names in all zones below. t and n.t are empty; w, v and o too. */
#define NAMES \
	SOA SET("@", "NS", "ns1") SET("@", "DNSKEY", "256 3 13 AAAA") SET("ns1", "A", "192.0.2.53") \
	SET("c", "CNAME", "x.w") SET("d", "DNAME", "w") SET("e.n.t", "TXT", "x") SET("*.v", "CNAME", "z.w") \
	SET("*.w", "A", "192.0.2.1") SET("*.w", "MX", "1 www") SET("y.w", "A", "192.0.2.2") SET("www", "A", "192.0.2.3") \
	SET("www", "MX", "1 ns1") SET("*.u", "CNAME", "x.cut") "cut 60 NS ns.cut\nns.cut 60 A 192.0.2.4\n" \
	"sec 60 NS ns.sec\nns.sec 60 A 192.0.2.5\n" SET("sec", "DS", "1 13 2 " DIGEST) "p.o 60 NS ns.cut\n"

static const struct kit_zone nsec_zone = { .apex = "example.test", .text =
	NAMES
	NSEC("@", "c", "SOA NS DNSKEY") NSEC("c", "cut", "CNAME") NSEC("cut", "d", "NS") NSEC("d", "ns1", "DNAME")
	NSEC("ns1", "p.o", "A") NSEC("p.o", "sec", "NS") NSEC("sec", "e.n.t", "NS DS") NSEC("e.n.t", "*.u", "TXT")
	NSEC("*.u", "*.v", "CNAME") NSEC("*.v", "*.w", "CNAME") NSEC("*.w", "y.w", "A MX") NSEC("y.w", "www", "A")
	NSEC("www", "@", "A MX") };

/* ---- NSEC3 chains are made from lists of names ---- */

#define NSEC3_NAMES_MAX 24

struct link {
	uint8_t hash[NSEC3_HASH_LEN];
	const char *name, *types;
};

static const struct link all_names[] = {
	{ .name = "@", .types = "SOA NS DNSKEY NSEC3PARAM RRSIG" }, { .name = "ns1", .types = "A RRSIG" },
	{ .name = "c", .types = "CNAME RRSIG" }, { .name = "d", .types = "DNAME RRSIG" },
	{ .name = "t", .types = "" }, { .name = "n.t", .types = "" }, { .name = "e.n.t", .types = "TXT RRSIG" },
	{ .name = "v", .types = "" }, { .name = "*.v", .types = "CNAME RRSIG" },
	{ .name = "u", .types = "" }, { .name = "*.u", .types = "CNAME RRSIG" },
	{ .name = "w", .types = "" }, { .name = "*.w", .types = "A MX RRSIG" }, { .name = "y.w", .types = "A RRSIG" },
	{ .name = "www", .types = "A MX RRSIG" }, { .name = "sec", .types = "NS DS RRSIG" },
	/* an opt-out chain ends here */
	{ .name = "cut", .types = "NS" }, { .name = "o", .types = "" }, { .name = "p.o", .types = "NS" },
};
#define ALL_NAMES (sizeof all_names / sizeof *all_names)
#define SIGNED_NAMES (ALL_NAMES - 3)

static void hash_text(char out[NSEC3_LABEL_LEN + 1], const uint8_t hash[NSEC3_HASH_LEN])
{
	for (unsigned i = 0; i < NSEC3_LABEL_LEN; i++) {
		unsigned bit = i * 5, v = 0;
		for (unsigned k = 0; k < 5; k++)
			v = v << 1 | ((unsigned)hash[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1u);
		out[i] = "0123456789abcdefghijklmnopqrstuv"[v];
	}
	out[NSEC3_LABEL_LEN] = 0;
}

static void hash_name(uint8_t hash[NSEC3_HASH_LEN], const char *relative, unsigned iterations)
{
	static const uint8_t salt[] = { 0xca, 0xfe };
	char text[NAME_TEXT_MAX];
	uint8_t name[NAME_WIRE_MAX];

	snprintf(text, sizeof text, "%s%sexample.test", strcmp(relative, "@") == 0 ? "" : relative,
		 strcmp(relative, "@") == 0 ? "" : ".");
	ck_assert_int_gt(name_parse(name, text, strlen(text), NULL, true), 0);
	nsec3_hash(hash, name, (uint16_t)iterations, salt, sizeof salt);
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, NSEC3_HASH_LEN);
}

static struct link chain[NSEC3_NAMES_MAX];
static size_t chain_len;

/* Sorts the first n names into chain[] and appends them as records, leaving one out if told. */
static void add_chain(char *text, size_t cap, size_t n, unsigned iterations, unsigned flags, const char *leave_out)
{
	char owner[NSEC3_LABEL_LEN + 1], next[NSEC3_LABEL_LEN + 1];
	size_t len = strlen(text);

	chain_len = n;
	memcpy(chain, all_names, n * sizeof *chain);
	for (size_t i = 0; i < n; i++)
		hash_name(chain[i].hash, chain[i].name, iterations);
	qsort(chain, n, sizeof *chain, by_hash);
	for (size_t i = 0; i < n; i++) {
		if (leave_out && strcmp(chain[i].name, leave_out) == 0)
			continue;
		hash_text(owner, chain[i].hash);
		hash_text(next, chain[(i + 1) % n].hash);
		len += (size_t)snprintf(text + len, cap - len,
					"%s 30 NSEC3 1 %u %u cafe %s %s\n%s 30 RRSIG NSEC3 13 3 30 20300101000000 "
					"20200101000000 7 example.test. AAAA\n",
					owner, flags, iterations, next, chain[i].types, owner);
		ck_assert_uint_lt(len, cap);
	}
}

static char *nsec3_text(size_t n, unsigned iterations, unsigned flags, const char *leave_out)
{
	const size_t cap = 20000;
	char *text = malloc(cap);

	ck_assert_ptr_nonnull(text);
	snprintf(text, cap, "%s@ 0 NSEC3PARAM 1 0 %u cafe\n" SIG("@", "0", "NSEC3PARAM"), NAMES, iterations);
	add_chain(text, cap, n, iterations, flags, leave_out);
	return text;
}

/* ---- answers in short ---- */

static void relative(char *out, size_t cap, const char *name)
{
	static const char apex[] = "example.test.";
	size_t len = strlen(name), tail = sizeof apex - 1;

	if (strcmp(name, apex) == 0)
		snprintf(out, cap, "@");
	else if (len > tail + 1 && strcmp(name + len - tail, apex) == 0)
		snprintf(out, cap, "%.*s", (int)(len - tail - 1), name);
	else
		snprintf(out, cap, "%s", name);
	for (size_t i = 0; i < chain_len; i++) {
		char hash[NSEC3_LABEL_LEN + 1];
		hash_text(hash, chain[i].hash);
		if (strcasecmp(out, hash) == 0)
			snprintf(out, cap, "#%s", chain[i].name);
	}
}

struct brief {
	char text[4000];
	char owner[300], ttl[20], type[20]; /* of the latest record */
};

static void add_record(struct brief *b, char *line)
{
	char *save, *section = strtok_r(line, " ", &save), *owner = strtok_r(NULL, " ", &save);
	char *ttl = strtok_r(NULL, " ", &save), *type = strtok_r(NULL, " ", &save), *rdata = strtok_r(NULL, " ", &save);
	size_t len = strlen(b->text);
	char name[300], target[300] = "";

	ck_assert(section && owner && ttl && type);
	relative(name, sizeof name, owner);
	if (strcmp(type, "RRSIG") == 0 && rdata && strcmp(rdata, b->type) == 0 && strcmp(name, b->owner) == 0 &&
	    strcmp(ttl, b->ttl) == 0) {
		snprintf(b->text + len, sizeof b->text - len, "+");
		return;
	}
	if (strcmp(type, "RRSIG") == 0)
		snprintf(target, sizeof target, " %s", rdata);
	if (strcmp(type, "NSEC") == 0 || strcmp(type, "CNAME") == 0 || strcmp(type, "DNAME") == 0) {
		target[0] = ' ';
		relative(target + 1, sizeof target - 1, rdata);
	}
	snprintf(b->text + len, sizeof b->text - len, " | %s %s %s %s%s", section, name, ttl, type, target);
	snprintf(b->owner, sizeof b->owner, "%s", name);
	snprintf(b->ttl, sizeof b->ttl, "%s", ttl);
	snprintf(b->type, sizeof b->type, "%s", type);
}

static const char *brief(struct brief *b, const char *text)
{
	char *copy = strdup(text), *save, *line = strtok_r(copy, "\n", &save);

	memset(b, 0, sizeof *b);
	snprintf(b->text, sizeof b->text, "%s", line);
	while ((line = strtok_r(NULL, "\n", &save)) != NULL)
		if (strncmp(line, "opt", 3) != 0)
			add_record(b, line);
	free(copy);
	return b->text;
}

struct row {
	const char *question, *answer;
};

/* "~nx" in what is expected: the NSEC3 that covers nx, found the slow way. */
static void expand(char *out, size_t cap, const char *text, unsigned iterations)
{
	size_t len = 0;

	for (; *text; text++) {
		char name[100];
		uint8_t hash[NSEC3_HASH_LEN];
		size_t n = strcspn(text, " "), i = chain_len;
		if (*text != '~') {
			len += (size_t)snprintf(out + len, cap - len, "%c", *text);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)n - 1, text + 1);
		hash_name(hash, name, iterations);
		while (i > 0 && memcmp(chain[i - 1].hash, hash, sizeof hash) > 0)
			i--;
		len += (size_t)snprintf(out + len, cap - len, "#%s", chain[(i + chain_len - 1) % chain_len].name);
		text += n - 1;
	}
}

/* One NSEC3 may serve twice, and is given once. */
static void drop_repeated(char *text)
{
	for (char *at = strstr(text, " | "), *next; at; at = next) {
		next = strstr(at + 1, " | ");
		size_t len = next ? (size_t)(next - at) : strlen(at);
		for (char *before = strstr(text, " | "); before < at; before = strstr(before + 1, " | ")) {
			if (strncmp(before, at, len) != 0 || (before[len] && before[len] != ' '))
				continue;
			memmove(at, at + len, strlen(at + len) + 1);
			next = *at ? at : NULL;
			break;
		}
	}
}

/* Questions are "name TYPE …" with the name relative; DO over EDNS unless the row says "plain". */
static void check_rows(struct kit *k, const struct row *rows, size_t n, unsigned iterations)
{
	struct brief *b = malloc(sizeof *b);
	size_t wrong = 0;

	ck_assert_ptr_nonnull(b);
	for (size_t i = 0; i < n; i++) {
		char line[2 * NAME_TEXT_MAX], wanted[4000];
		const char *q = rows[i].question, *rest = strchr(q, ' ');
		bool plain = strstr(rest, " plain") != NULL, apex = q[0] == '@';
		int word = plain ? (int)(strlen(rest) - strlen(" plain")) : (int)strlen(rest);
		snprintf(line, sizeof line, "%.*s%sexample.test%.*s%s", apex ? 0 : (int)(rest - q), q, apex ? "" : ".", word,
			 rest, plain ? "" : strstr(rest, "edns=") ? " do" : " edns=1232 do");
		const char *got = brief(b, kit_ask(k, line));
		expand(wanted, sizeof wanted, rows[i].answer, iterations);
		drop_repeated(wanted);
		if (strcmp(got, wanted) != 0) {
			fprintf(stderr, "%s\n  wanted %s\n  got    %s\n", q, wanted, got);
			wrong++;
		}
	}
	free(b);
	ck_assert_uint_eq(wrong, 0);
}
#define CHECK_ROWS(k, rows, iterations) check_rows(k, rows, sizeof(rows) / sizeof *(rows), iterations)

static size_t warnings_with(const struct kit *k, const char *text)
{
	char line[2000];
	size_t n = 0;

	for (size_t i = 0; i < k->diags.count; i++) {
		diag_format(&k->diags.list[i], line, sizeof line);
		n += strstr(line, text) != NULL;
	}
	return n;
}

#define NO "NOERROR aa | ns @ 45 SOA+"
#define NX "NXDOMAIN aa | ns @ 45 SOA+"
#define P(entry) " | ns " entry " 30 NSEC3+"

/* ---- NSEC ---- */

/* What does not depend on the kind of chain. */
static const struct row common_rows[] = {
	{ "www A plain", "NOERROR aa | an www 60 A" },
	{ "www A", "NOERROR aa | an www 60 A+" },
	{ "WWW A", "NOERROR aa | an WWW 60 A+" },
	{ "www MX", "NOERROR aa | an www 60 MX+ | ar ns1 60 A+" },
	{ "www MX plain", "NOERROR aa | an www 60 MX | ar ns1 60 A" },
	{ "www ANY", "NOERROR aa | an www 60 A+" },
	{ "www ANY plain", "NOERROR aa | an www 60 A" },
	{ "@ DNSKEY", "NOERROR aa | an @ 60 DNSKEY+" },
	{ "@ SOA", "NOERROR aa | an @ 90 SOA+" },
	{ "www TXT plain", "NOERROR aa | ns @ 45 SOA" },
	{ "nx A plain", "NXDOMAIN aa | ns @ 45 SOA" },
	{ "q.w TXT plain", "NOERROR aa | ns @ 45 SOA" },
	{ "*.w A", "NOERROR aa | an *.w 60 A+" },
	{ "d DNAME", "NOERROR aa | an d 60 DNAME w+" },
	{ "cut A plain", "NOERROR | ns cut 60 NS | ar ns.cut 60 A" },
	{ "cut DS plain", "NOERROR aa | ns @ 45 SOA" },
	{ "sec A", "NOERROR | ns sec 60 NS | ns sec 60 DS+ | ar ns.sec 60 A" },
	{ "a.sec A", "NOERROR | ns sec 60 NS | ns sec 60 DS+ | ar ns.sec 60 A" },
	{ "sec A plain", "NOERROR | ns sec 60 NS | ar ns.sec 60 A" },
	{ "sec DS", "NOERROR aa | an sec 60 DS+" },
	{ "sec DS plain", "NOERROR aa | an sec 60 DS" },
};

/* ---- NSEC ---- */

static const struct row nsec_rows[] = {
	{ "www RRSIG", "NOERROR aa | an www 60 RRSIG A | an www 60 RRSIG MX | an www 30 RRSIG NSEC" },
	{ "www RRSIG plain", "NOERROR aa | an www 60 RRSIG A | an www 60 RRSIG MX | an www 30 RRSIG NSEC" },
	{ "www NSEC", "NOERROR aa | an www 30 NSEC @+" },
	{ "www NSEC plain", "NOERROR aa | an www 30 NSEC @" },
	{ "@ NSEC3PARAM", NO " | ns @ 30 NSEC c+" },
	{ "@ DS", NO " | ns @ 30 NSEC c+" },
	/* no type, also of empty non-terminals */
	{ "www TXT", NO " | ns www 30 NSEC @+" },
	{ "t A", NO " | ns sec 30 NSEC e.n.t+" },
	{ "n.t A", NO " | ns sec 30 NSEC e.n.t+" },
	{ "o A", NO " | ns ns1 30 NSEC p.o+" },
	/* no name; the entry that denies the wildcard may be the same */
	{ "nx A", NX " | ns ns1 30 NSEC p.o+ | ns @ 30 NSEC c+" },
	{ "b.a A", NX " | ns @ 30 NSEC c+" },
	{ "zz A", NX " | ns www 30 NSEC @+ | ns @ 30 NSEC c+" },
	{ "x.www A", NX " | ns www 30 NSEC @+" },
	{ "x.t A", NX " | ns e.n.t 30 NSEC *.u+ | ns sec 30 NSEC e.n.t+" },
	{ "x.y.w A", NX " | ns y.w 30 NSEC www+" },
	{ "q.o A", NX " | ns p.o 30 NSEC sec+ | ns ns1 30 NSEC p.o+" },
	{ "www\\000 A", NX " | ns www 30 NSEC @+ | ns @ 30 NSEC c+" },
	{ "c\\000 A", NX " | ns c 30 NSEC cut+ | ns @ 30 NSEC c+" },
	/* wildcards */
	{ "q.w A", "NOERROR aa | an q.w 60 A+ | ns *.w 30 NSEC y.w+" },
	{ "z.w A", "NOERROR aa | an z.w 60 A+ | ns y.w 30 NSEC www+" },
	{ "q.w MX", "NOERROR aa | an q.w 60 MX+ | ns *.w 30 NSEC y.w+ | ar www 60 A+" },
	{ "*.q.w A", "NOERROR aa | an *.q.w 60 A+ | ns *.w 30 NSEC y.w+" },
	{ "a.b.w A", "NOERROR aa | an a.b.w 60 A+ | ns *.w 30 NSEC y.w+" },
	{ "q.w TXT", NO " | ns *.w 30 NSEC y.w+" },
	{ "z.w TXT", NO " | ns y.w 30 NSEC www+ | ns *.w 30 NSEC y.w+" },
	{ "*.w TXT", NO " | ns *.w 30 NSEC y.w+" },
	/* aliases: each step's proof, behind the answer section */
	{ "c A", "NOERROR aa | an c 60 CNAME x.w+ | an x.w 60 A+ | ns *.w 30 NSEC y.w+" },
	{ "c RRSIG", "NOERROR aa | an c 60 RRSIG CNAME | an c 30 RRSIG NSEC" },
	{ "q.v A", "NOERROR aa | an q.v 60 CNAME z.w+ | an z.w 60 A+ | ns *.v 30 NSEC *.w+ | ns y.w 30 NSEC www+" },
	{ "q.v MX", "NOERROR aa | an q.v 60 CNAME z.w+ | an z.w 60 MX+ | ns *.v 30 NSEC *.w+ | ns y.w 30 NSEC www+"
	  " | ar www 60 A+" },
	{ "q.v TXT", "NOERROR aa | an q.v 60 CNAME z.w+ | ns @ 45 SOA+ | ns *.v 30 NSEC *.w+ | ns y.w 30 NSEC www+"
	  " | ns *.w 30 NSEC y.w+" },
	{ "q.d A", "NOERROR aa | an d 60 DNAME w+ | an q.d 60 CNAME q.w | an q.w 60 A+ | ns *.w 30 NSEC y.w+" },
	{ "q.d TXT", "NOERROR aa | an d 60 DNAME w+ | an q.d 60 CNAME q.w | ns @ 45 SOA+ | ns *.w 30 NSEC y.w+" },
	{ "q.u A", "NOERROR aa | an q.u 60 CNAME x.cut+ | ns cut 60 NS | ns *.u 30 NSEC *.v+ | ns cut 30 NSEC d+"
	  " | ar ns.cut 60 A" },
	/* delegations */
	{ "cut A", "NOERROR | ns cut 60 NS | ns cut 30 NSEC d+ | ar ns.cut 60 A" },
	{ "x.cut NSEC", "NOERROR | ns cut 60 NS | ns cut 30 NSEC d+ | ar ns.cut 60 A" },
	{ "cut RRSIG", "NOERROR | ns cut 60 NS | ns cut 30 NSEC d+ | ar ns.cut 60 A" },
	{ "cut DS", NO " | ns cut 30 NSEC d+" },
	{ "p.o DS", NO " | ns p.o 30 NSEC sec+" },
};

START_TEST(nsec_answers)
{
	static struct kit k;

	kit_init(&k, &nsec_zone, 1);
	ck_assert_uint_eq(k.diags.count, 0);
	CHECK_ROWS(&k, common_rows, 0);
	CHECK_ROWS(&k, nsec_rows, 0);
	kit_deinit(&k);
}
END_TEST

/* ---- NSEC3 ---- */

static const struct row nsec3_rows[] = {
	{ "www RRSIG", "NOERROR aa | an www 60 RRSIG A | an www 60 RRSIG MX" },
	{ "www NSEC", NO P("#www") },
	{ "@ NSEC3PARAM", "NOERROR aa | an @ 0 NSEC3PARAM+" },
	{ "@ DS", NO P("#@") },
	{ "www TXT", NO P("#www") },
	{ "t A", NO P("#t") },
	{ "n.t A", NO P("#n.t") },
	{ "nx A", NX P("#@") P("~nx") P("~*") },
	{ "b.a A", NX P("#@") P("~a") P("~*") },
	{ "a.b.x.www A", NX P("#www") P("~x.www") P("~*.www") },
	{ "q.w A", "NOERROR aa | an q.w 60 A+" P("~q.w") },
	{ "q.w MX", "NOERROR aa | an q.w 60 MX+" P("~q.w") " | ar www 60 A+" },
	{ "a.b.w A", "NOERROR aa | an a.b.w 60 A+" P("~b.w") },
	{ "*.q.w A", "NOERROR aa | an *.q.w 60 A+" P("~q.w") },
	{ "*.w TXT", NO P("#*.w") },
	{ "q.w TXT", NO P("#w") P("~q.w") P("#*.w") },
	{ "c A", "NOERROR aa | an c 60 CNAME x.w+ | an x.w 60 A+" P("~x.w") },
	{ "q.v A", "NOERROR aa | an q.v 60 CNAME z.w+ | an z.w 60 A+" P("~q.v") P("~z.w") },
	{ "q.v TXT", "NOERROR aa | an q.v 60 CNAME z.w+ | ns @ 45 SOA+" P("~q.v") P("#w") P("~z.w") P("#*.w") },
	{ "q.d A", "NOERROR aa | an d 60 DNAME w+ | an q.d 60 CNAME q.w | an q.w 60 A+" P("~q.w") },
};
static const struct row whole_rows[] = {
	{ "cut A", "NOERROR | ns cut 60 NS" P("#cut") " | ar ns.cut 60 A" },
	{ "cut DS", NO P("#cut") },
	{ "p.o DS", NO P("#p.o") },
	{ "o A", NO P("#o") },
	{ "q.o A", NX P("#o") P("~q.o") P("~*.o") },
	{ "q.u A", "NOERROR aa | an q.u 60 CNAME x.cut+ | ns cut 60 NS" P("~q.u") P("#cut") " | ar ns.cut 60 A" },
};
/* Insecure delegations, and what is only above them, are not in the chain (RFC 5155 7.2.4, 7.2.7, 7.2.8). */
static const struct row opt_out_rows[] = {
	{ "cut A", "NOERROR | ns cut 60 NS" P("#@") P("~cut") " | ar ns.cut 60 A" },
	{ "x.cut A", "NOERROR | ns cut 60 NS" P("#@") P("~cut") " | ar ns.cut 60 A" },
	{ "cut DS", NO P("#@") P("~cut") },
	{ "p.o A", "NOERROR | ns p.o 60 NS" P("#@") P("~o") " | ar ns.cut 60 A" },
	{ "p.o DS", NO P("#@") P("~o") },
	{ "o A", NO P("#@") P("~o") },
	{ "q.u A", "NOERROR aa | an q.u 60 CNAME x.cut+ | ns cut 60 NS" P("~q.u") P("#@") P("~cut") " | ar ns.cut 60 A" },
};

static void check_nsec3(size_t names, unsigned iterations, unsigned flags)
{
	static struct kit k;
	char *text = nsec3_text(names, iterations, flags, NULL);

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_uint_eq(k.diags.count, 0);
	CHECK_ROWS(&k, common_rows, iterations);
	CHECK_ROWS(&k, nsec3_rows, iterations);
	if (flags)
		CHECK_ROWS(&k, opt_out_rows, iterations);
	else
		CHECK_ROWS(&k, whole_rows, iterations);
	kit_deinit(&k);
	free(text);
}

START_TEST(nsec3_answers)
{
	check_nsec3(ALL_NAMES, 0, 0);
	check_nsec3(ALL_NAMES, NSEC3_ITERATIONS_MAX, 0);
}
END_TEST

START_TEST(opt_out_answers)
{
	check_nsec3(SIGNED_NAMES, 0, 1);
}
END_TEST

/* RFC 5155 7.2.8: the names of the chain are no names of the zone. */
START_TEST(nsec3_owners_do_not_exist)
{
	static struct kit k;
	static struct brief b;
	char *text = nsec3_text(ALL_NAMES, 0, 0, NULL), owner[NSEC3_LABEL_LEN + 1], line[200];
	static const char *const types[] = { "NSEC3", "A", "RRSIG" };

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	hash_text(owner, chain[3].hash);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		snprintf(line, sizeof line, "%s.example.test %s edns=1232 do", owner, types[i]);
		ck_assert_msg(strncmp(brief(&b, kit_ask(&k, line)), NX P("#@"), strlen(NX P("#@"))) == 0, "%s", b.text);
	}
	kit_deinit(&k);
	free(text);
}
END_TEST

/* RFC 5155 appendix A. */
START_TEST(hashes_are_those_of_the_rfc)
{
	static const struct { const char *name, *hash; } rows[] = {
		{ "example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" }, { "a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl" },
		{ "*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en" }, { "xx.example", "t644ebqk9bibcna874givr6joj62mlhv" },
	};
	static const uint8_t salt[] = { 0xaa, 0xbb, 0xcc, 0xdd };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t name[NAME_WIRE_MAX], hash[NSEC3_HASH_LEN], back[NSEC3_HASH_LEN], label[1 + NSEC3_LABEL_LEN];
		char text[NSEC3_LABEL_LEN + 1];
		ck_assert_int_gt(name_parse(name, rows[i].name, strlen(rows[i].name), NULL, true), 0);
		nsec3_hash(hash, name, 12, salt, sizeof salt);
		hash_text(text, hash);
		ck_assert_str_eq(text, rows[i].hash);
		label[0] = NSEC3_LABEL_LEN;
		memcpy(label + 1, text, NSEC3_LABEL_LEN);
		ck_assert(nsec3_label_decode(back, label));
		ck_assert_mem_eq(back, hash, sizeof hash);
		label[7] = 'w';
		ck_assert(!nsec3_label_decode(back, label));
	}
}
END_TEST

/* ---- chains that are not right ---- */

/* Served, told, and nothing is given that proves nothing. */
START_TEST(a_broken_nsec_chain)
{
	static struct kit k;
	static const struct row rows[] = {
		{ "www A", "NOERROR aa | an www 60 A+" },
		{ "www TXT", NO " | ns www 30 NSEC @+" }, /* its own is true whatever the rest */
		{ "nx A", NX },
		{ "q.w A", "NOERROR aa | an q.w 60 A+" },
		{ "t A", NO },
		{ "cut A", "NOERROR | ns cut 60 NS | ns cut 30 NSEC d+ | ar ns.cut 60 A" },
	};

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = NAMES
		NSEC("@", "c", "SOA") NSEC("c", "cut", "CNAME") NSEC("cut", "d", "NS") NSEC("www", "@", "A MX") }, 1);
	ck_assert_uint_eq(warnings_with(&k, "cut.example.test: the chain breaks here"), 1);
	CHECK_ROWS(&k, rows, 0);
	kit_deinit(&k);
}
END_TEST

START_TEST(a_broken_nsec3_chain)
{
	static struct kit k;
	static const struct row rows[] = {
		{ "www A", "NOERROR aa | an www 60 A+" }, { "www TXT", NO P("#www") }, { "nx A", NX P("#@") },
		{ "q.w A", "NOERROR aa | an q.w 60 A+" }, { "c A", "NOERROR aa | an c 60 CNAME x.w+ | an x.w 60 A+" },
		{ "x.c TXT", NX P("#@") },
	};
	char *text = nsec3_text(ALL_NAMES, 0, 0, "c");

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_uint_eq(warnings_with(&k, "the chain breaks here"), 1);
	CHECK_ROWS(&k, rows, 0);
	kit_deinit(&k);
	free(text);
	text = nsec3_text(ALL_NAMES, 0, 0, "@");
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_uint_eq(warnings_with(&k, "example.test: the chain"), 1);
	ck_assert_str_eq(kit_ask(&k, "example.test DS"), kit_ask(&k, "www.example.test TXT"));
	kit_deinit(&k);
	free(text);
}
END_TEST

/* Of two NSEC3PARAM the one whose chain is whole counts, whatever stands first. */
START_TEST(the_whole_one_of_two_chains)
{
	static struct kit k;
	static const struct row rows[] = { { "www TXT", NO P("#www") }, { "nx A", NX P("#@") P("~nx") P("~*") } };
	char *text = nsec3_text(ALL_NAMES, 2, 0, NULL), *both = malloc(30000);

	ck_assert_ptr_nonnull(both);
	snprintf(both, 30000, "%s@ 0 NSEC3PARAM 1 0 1 cafe\n@ 0 NSEC3PARAM 1 0 0 -\n", text);
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = both }, 1);
	ck_assert_uint_eq(k.diags.count, 0);
	CHECK_ROWS(&k, rows, 2);
	kit_deinit(&k);
	free(both);
	free(text);
}
END_TEST

/* RFC 9276 3.2: the apex's record tells a validator how many there are. */
START_TEST(too_many_iterations)
{
	static struct kit k;
	static const struct row rows[] = {
		{ "www A", "NOERROR aa | an www 60 A+" }, { "www TXT", NO P("#@") }, { "nx A", NX P("#@") },
		{ "q.w A", "NOERROR aa | an q.w 60 A+" P("#@") }, { "cut A", "NOERROR | ns cut 60 NS" P("#@") " | ar ns.cut 60 A" },
		{ "q.v A", "NOERROR aa | an q.v 60 CNAME z.w+ | an z.w 60 A+" P("#@") },
	};
	char *text = nsec3_text(ALL_NAMES, NSEC3_ITERATIONS_MAX + 1, 0, NULL);

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_uint_eq(warnings_with(&k, "151 iterations"), 1);
	CHECK_ROWS(&k, rows, 0);
	kit_deinit(&k);
	free(text);
}
END_TEST

START_TEST(signatures_without_a_chain)
{
	static struct kit k;
	static const struct row rows[] = {
		{ "www A", "NOERROR aa | an www 60 A+" }, { "www TXT", NO }, { "nx A", NX }, { "q.w A", "NOERROR aa | an q.w 60 A+" },
		{ "cut A", "NOERROR | ns cut 60 NS | ar ns.cut 60 A" }, { "bare A", "NOERROR aa | an bare 60 A" },
		{ "sec A", "NOERROR | ns sec 60 NS | ns sec 60 DS+ | ar ns.sec 60 A" },
	};

	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = NAMES "bare 60 A 192.0.2.9\n" SIG("bare", "60", "TXT") },
		 1);
	ck_assert_uint_eq(warnings_with(&k, "no NSEC and no NSEC3"), 1);
	ck_assert_uint_eq(warnings_with(&k, "an RRSIG for type 16, of which there is no record"), 1);
	ck_assert_uint_eq(warnings_with(&k, "but 1 RRsets are not"), 1);
	CHECK_ROWS(&k, rows, 0);
	kit_deinit(&k);
}
END_TEST

/* The hash's owner lies below the DNAME, and is of the chain all the same. */
START_TEST(a_dname_at_the_apex)
{
	static struct kit k;
	uint8_t hash[NSEC3_HASH_LEN];
	char owner[NSEC3_LABEL_LEN + 1], text[2000];
	static struct brief b;

	hash_name(hash, "@", 0);
	hash_text(owner, hash);
	snprintf(text, sizeof text, "%s@ 0 NSEC3PARAM 1 0 0 cafe\n%s%s 30 NSEC3 1 0 0 cafe %s SOA NS DNAME\n"
		 "%s 30 RRSIG NSEC3 13 3 30 20300101000000 20200101000000 7 example.test. AAAA\n",
		 SOA SET("@", "NS", "ns.other.test.") SET("@", "DNAME", "other.test."), SIG("@", "0", "NSEC3PARAM"), owner, owner,
		 owner);
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_uint_eq(k.diags.count, 0);
	chain_len = 0;
	ck_assert_str_eq(brief(&b, kit_ask(&k, "x.example.test A edns=1232 do")),
			 "NOERROR aa | an @ 60 DNAME other.test.+ | an x 60 CNAME x.other.test.");
	ck_assert_ptr_nonnull(strstr(brief(&b, kit_ask(&k, "example.test A edns=1232 do")), "30 NSEC3+"));
	kit_deinit(&k);
}
END_TEST

/* ---- what does not fit ---- */

/* An RRset and its signatures are kept or left together; proofs set TC, additional data never does. */
START_TEST(cut_between_signed_sets)
{
	static struct kit k;
	static struct brief b;
	static char text[9000];
	size_t n = (size_t)snprintf(text, sizeof text, "%s", nsec_zone.text);
	static const unsigned sizes[] = { 512, 560, 640, 720, 800, 900, 1000, 1100, 1232 };

	for (int i = 0; i < 8; i++) /* additional sets of about 80 octets, and an answer that fits alone */
		n += (size_t)snprintf(text + n, sizeof text - n, "many 60 MX %d m%d\nm%d 60 A 192.0.2.%d\nm%d 60 RRSIG A 13 3 60 "
				      "20300101000000 20200101000000 7 example.test. AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
				      i, i, i, i, i);
	snprintf(text + n, sizeof text - n, "%s", SIG("many", "60", "MX"));
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char line[100];
		snprintf(line, sizeof line, "many.example.test MX edns=%u do", sizes[i]);
		const char *got = brief(&b, kit_ask(&k, line));
		ck_assert_uint_le(k.wire_len, sizes[i]);
		ck_assert_ptr_null(strstr(got, " tc"));
		for (const char *a = got; (a = strstr(a, "60 A")) != NULL; a += 4)
			ck_assert_msg(a[4] == '+', "an address without its signature: %s", got);
	}
	kit_deinit(&k);
}
END_TEST

/* Large signatures: without room for the proof an answer from a wildcard is cut, and says so. */
START_TEST(a_proof_that_does_not_fit)
{
	static struct kit k;
	static struct brief b;
	static char text[9000], sig[600];
	char *at;

	snprintf(text, sizeof text, "%s", nsec_zone.text);
	memset(sig, 'A', 480);
	at = strstr(text, "*.w 30 RRSIG NSEC");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "AAAA\n");
	memmove(at + 480, at, strlen(at) + 1);
	memcpy(at, sig, 480);
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	ck_assert_str_eq(brief(&b, kit_ask(&k, "q.w.example.test MX edns=512 do")), "NOERROR aa tc | an q.w 60 MX+");
	ck_assert_str_eq(brief(&b, kit_ask(&k, "q.w.example.test MX edns=1232 do")),
			 "NOERROR aa | an q.w 60 MX+ | ns *.w 30 NSEC y.w+ | ar www 60 A+");
	kit_deinit(&k);
}
END_TEST

/* Over TCP messages pass the reach of compression pointers; kit_ask_wire looks at each of them. */
START_TEST(proofs_past_the_reach_of_pointers)
{
	static struct kit k;
	static struct brief b;
	static char text[60000];
	size_t n = (size_t)snprintf(text, sizeof text, "%s", nsec_zone.text);

	for (int i = 0; i < 80; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "*.v 60 TXT \"%0*d\"\n*.w 60 TXT \"%0*d\"\n", 250, i, 250, i);
	ck_assert_uint_lt(n, sizeof text);
	char *cname = strstr(text, "*.v 60 CNAME"); /* TXT stands in place of the alias */
	memcpy(cname, "y.v 60 CNAME", 12);
	cname = strstr(text, "*.v 60 RRSIG CNAME");
	memcpy(cname, "y.v", 3);
	kit_init(&k, &(struct kit_zone){ .apex = "example.test", .text = text }, 1);
	const char *got = brief(&b, kit_ask(&k, "q.w.example.test TXT tcp edns=1232 do"));
	ck_assert_uint_gt(k.wire_len, 0x4000);
	ck_assert_ptr_nonnull(strstr(got, " | ns *.w 30 NSEC y.w+"));
	kit_deinit(&k);
}
END_TEST

/* ---- a hostile image ---- */

/* Every octet is made wrong in turn: image_open refuses, or answers stay within their bounds (the sanitizers look). */
START_TEST(hostile_images)
{
	static struct kit k;
	static const char *const questions[] = { "www.example.test A edns=1232 do", "nx.example.test A edns=1232 do",
		"q.v.example.test TXT edns=1232 do", "q.u.example.test A edns=1232 do", "q.w.example.test MX tcp edns=512 do" };
	char *text = nsec3_text(SIGNED_NAMES, 0, 1, NULL);
	struct kit_zone zones[] = { nsec_zone, { .apex = "example.test", .text = text } };
	size_t opened = 0;

	for (size_t z = 0; z < 2; z++) {
		kit_init(&k, &zones[z], 1);
		size_t len = k.image.len;
		uint8_t *copy = aligned_alloc(8, (len + 7) / 8 * 8), *out = malloc(DNS_MESSAGE_MAX);
		ck_assert(copy && out);
		for (size_t at = sizeof(struct image_header); at < len; at++) {
			struct image im;
			struct answer_db *db;
			memcpy(copy, k.image.base, len);
			copy[at] ^= (uint8_t)(1u << at % 8 | 0x80u >> at % 3);
			struct image_header *h = (struct image_header *)copy;
			h->crc = crc32c(0, copy + sizeof *h, len - sizeof *h);
			if (image_open(&im, copy, len) || answer_db_new(&db, &im, 1, NULL, 0))
				continue;
			opened++;
			for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
				uint8_t in[512];
				size_t n, in_len = kit_question(questions[q], in, &k.from);
				if (answer_query(db, &k.worker, &k.limits, &k.from, in, in_len, out,
						 k.from.transport == ANSWER_TCP ? DNS_MESSAGE_MAX : 1232, &n) == ANSWER_SEND)
					ck_assert_uint_le(n, k.from.transport == ANSWER_TCP ? DNS_MESSAGE_MAX : 1232);
			}
			answer_db_free(db);
		}
		free(out);
		free(copy);
		kit_deinit(&k);
	}
	ck_assert_uint_gt(opened, 0);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { nsec_answers, nsec3_answers, opt_out_answers, nsec3_owners_do_not_exist,
		hashes_are_those_of_the_rfc, a_broken_nsec_chain, a_broken_nsec3_chain, the_whole_one_of_two_chains,
		too_many_iterations, signatures_without_a_chain, a_dname_at_the_apex, cut_between_signed_sets,
		a_proof_that_does_not_fit, proofs_past_the_reach_of_pointers, hostile_images };
	return unit_run("answer: signed zones", tests, sizeof tests / sizeof *tests);
}
