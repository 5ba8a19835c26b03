/* What the keys of a service promise, from the configuration's text to the published answers: what is written, what
 * happens, and what A and AAAA are then.
 *
 *     members    a b c d e f are 192.0.2.11 to .16, A B C D E F 2001:db8::11 to ::16; host "h" is a and A, "i" b and B,
 *                both of site "ams"
 *     happens    "a down; b up; c mad; drain h; wait 60"     health of a back end, with time to show (mad: its check is
 *                broken, and tells nothing), else a command of an operator, or so many seconds; what stands before
 *                "start" is so when the server starts
 *     answers    "ab"   "-" = NODATA   "?" = not yet (SERVFAIL)
 */
#include "conf/conf.h"
#include "conf_help.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "zone/zone.h"
#include "tests/unit/unit.h"

/* In the tables a key left out has its default. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const struct row {
	const char *words, *keys, *happens, *a, *aaaa;
	uint32_t ttl; /* of A; 0 = any */
} rows[] = {
	/* tiers */
	{ "the first tier answers", "tiers = { { a, b }, { c } }", "", "ab", "-" },
	{ "a member that is down leaves", "tiers = { { a, b }, { c } }", "a down", "b", "-" },
	{ "and is back when it is up", "tiers = { { a, b }, { c } }", "a down; a up", "ab", "-" },
	{ "the next tier with enough takes over", "tiers = { { a }, { b }, { c, d } }", "a down; b down", "cd", "-" },
	{ "one with more down than up still answers", "tiers = { { a, b, c }, { d } }", "a down; b down", "c", "-" },
	{ "without tiers the zone's addresses are one tier", NULL, "", "ab", "A" },
	{ "which follow health likewise", NULL, "b down", "a", "A" },

	/* need */
	{ "need 2: one is not enough", "need = 2, tiers = { { a, b }, { c, d } }", "a down", "cd", "-" },
	{ "need 2: two are", "need = 2, tiers = { { a, b, c }, { d, e } }", "a down", "bc", "-" },
	{ "need 2 of each family", "need = 2, tiers = { { a, b, A, B }, { c, d, C, D } }", "B down", "ab", "CD" },
	{ "50% of 3 is 2: 1 is too few", "need = '50%', tiers = { { a, b, c }, { d } }", "a down; b down", "d", "-" },
	{ "50% of 3 is 2: 2 will do", "need = '50%', tiers = { { a, b, c }, { d } }", "a down", "bc", "-" },
	{ "34% of 3 is 2", "need = '34%', tiers = { { a, b, c }, { d } }", "a down; b down", "d", "-" },
	{ "33% of 3 is 1", "need = '33%', tiers = { { a, b, c }, { d } }", "a down; b down", "c", "-" },
	{ "100% of 2", "need = '100%', tiers = { { a, b }, { c } }", "b down", "c", "-" },
	{ "a drained one is not counted in percent", "need = '100%', tiers = { { a, { b, drain = true } }, { c } }",
	  "", "a", "-" },
	{ "nor one that an operator drained", "need = '100%', tiers = { { a, b }, { c } }", "drain b", "a", "-" },
	{ "one that was taken down is", "need = '100%', tiers = { { a, b }, { c } }", "down b", "c", "-" },
	{ "a number counts members up, whoever is drained", "need = 2, tiers = { { a, b }, { c, d } }",
	  "drain b", "cd", "-" },

	/* all_down */
	{ "first: the first tier's members", "tiers = { { a, b }, { c } }", "a down; b down; c down", "ab", "-" },
	{ "first is the default and a word", "all_down = 'first', tiers = { { a }, { c } }",
	  "a down; c down", "a", "-" },
	{ "all: every tier's", "all_down = 'all', tiers = { { a, b }, { c } }", "a down; b down; c down", "abc", "-" },
	{ "last: the last good set", "all_down = 'last', tiers = { { a, b }, { c } }",
	  "a down; b down; c down", "c", "-" },
	{ "last: of the first tier", "all_down = 'last', tiers = { { a, b } }", "b down; a down", "a", "-" },
	{ "last, where there never was one: the first tier's", "all_down = 'last', tiers = { { a, b } }",
	  "a down; b down; start", "ab", "-" },
	{ "none: NODATA, for ttl.min", "all_down = 'none', ttl = { min = 7 }, tiers = { { a }, { c } }",
	  "a down; c down", "-", "-", 7 },
	{ "a list: these", "all_down = { e, f, E }, tiers = { { a, A } }", "a down; A down", "ef", "E" },
	{ "a list of another family: NODATA", "all_down = { E }, tiers = { { a, A } }", "a down; A down", "-", "E" },
	{ "a list may be a host's", "all_down = { 'h' }, tiers = { { b, B } }", "b down; B down", "a", "A" },
	{ "all_down waits until both families are down", "all_down = 'all', tiers = { { a, A }, { b, B } }",
	  "a down; b down", "-", "A" },
	{ "and then gives both", "all_down = 'all', tiers = { { a, A }, { b, B } }",
	  "a down; b down; A down; B down", "ab", "AB" },
	{ "first without one that was taken down", "tiers = { { a, b } }", "a down; b down; down a", "b", "-" },
	{ "all without one that was drained", "all_down = 'all', tiers = { { a }, { b } }",
	  "a down; b down; drain a", "b", "-" },
	{ "last without one that was drained", "all_down = 'last', tiers = { { a, b } }",
	  "drain a; b down; wait 5", "b", "-" },
	{ "a list without one that was taken down", "all_down = { b, c }, tiers = { { a, b } }",
	  "a down; b down; down b", "c", "-" },
	{ "all_down where need is not met", "need = 2, tiers = { { a, b } }", "b down", "ab", "-" },
	{ "an operator cannot take the last", "tiers = { { a, b } }", "down a; down b", "b", "-" },
	{ "but where told to", "tiers = { { a, b } }", "down a; down b force", "-", "-" },

	/* families */
	{ "A and AAAA are decided apart", "tiers = { { a, A }, { b, B } }", "a down", "b", "A" },
	{ "a dead family beside a live one is NODATA", "tiers = { { a, A } }", "A down", "a", "-" },
	{ "a family that is not there is NODATA", "tiers = { { A } }", "", "-", "A" },
	{ "a tier of one family only", "tiers = { { a }, { B } }", "", "a", "B" },

	/* couple */
	{ "couple: AAAA takes A along", "couple = true, tiers = { { a, A }, { b, B } }", "A down", "b", "B" },
	{ "couple: A takes AAAA along", "couple = true, tiers = { { a, A }, { b, B } }", "a down", "b", "B" },
	{ "couple: and back", "couple = true, tiers = { { a, A }, { b, B } }", "a down; a up", "a", "A" },
	{ "couple: one of two is no reason", "couple = true, tiers = { { a, b, A }, { c, C } }", "a down", "b", "A" },
	{ "couple: but where need says so", "couple = true, need = 2, tiers = { { a, b, A, B }, { c, d, C, D } }",
	  "A down", "cd", "CD" },
	{ "couple: a tier of one family is whole", "couple = true, tiers = { { a, A }, { b } }", "A down", "b", "-" },
	{ "couple: where no tier is whole, half of one", "couple = true, tiers = { { a, A }, { b, B } }",
	  "A down; B down", "a", "-" },
	{ "couple: all_down of both from one tier", "couple = true, tiers = { { a, A }, { b, B } }",
	  "a down; A down; b down; B down", "a", "A" },
	{ "couple: the last good set of both, which had no A",
	  "couple = true, all_down = 'last', tiers = { { a, A }, { b, B } }",
	  "a down; b down; A down; B down", "-", "B" },

	/* failback */
	{ "failback auto: at once", "tiers = { { a }, { b } }", "a down; a up", "a", "-" },
	{ "failback after a minute: not before", "failback = '1m', tiers = { { a }, { b } }",
	  "a down; a up; wait 50", "b", "-" },
	{ "failback after a minute: then", "failback = '1m', tiers = { { a }, { b } }",
	  "a down; a up; wait 60", "a", "-" },
	{ "failback manual: never by itself", "failback = 'manual', tiers = { { a }, { b } }",
	  "a down; a up; wait 9999", "b", "-" },
	{ "failback manual: when told", "failback = 'manual', tiers = { { a }, { b } }",
	  "a down; a up; failback www.example.test", "a", "-" },
	{ "failback: what fails is left at once", "failback = 'manual', tiers = { { a }, { b } }",
	  "a down; a up; b down", "a", "-" },

	/* initial, and what is not known */
	{ "initial up", "tiers = { { a }, { b } }", "a mad; b mad; start; wait 5", "a", "-" },
	{ "initial down", "initial = 'down', tiers = { { a }, { b } }", "a mad; start; wait 5", "b", "-" },
	{ "unknown takes nothing down", "tiers = { { a }, { b } }", "a mad", "a", "-" },
	{ "the first result decides alone", "tiers = { { a, b } }", "a down; start", "b", "-" },

	/* hosts, sites, drain, overrides */
	{ "a host is its addresses", "tiers = { { 'h' }, { 'i' } }", "", "a", "A" },
	{ "each of them by itself", "tiers = { { 'h' }, { 'i' } }", "a down", "b", "A" },
	{ "taken out by its name", "tiers = { { 'h' }, { 'i' } }", "down h", "b", "B" },
	{ "a site is its hosts", "tiers = { { 'site:ams' }, { c, C } }", "", "ab", "AB" },
	{ "drained by its name", "tiers = { { 'site:ams' }, { c, C } }", "drain site:ams", "c", "C" },
	{ "a host with keys", "tiers = { { { 'h', drain = true } }, { b, B } }", "", "b", "B" },
	{ "drained in the configuration", "tiers = { { { a, drain = true }, b } }", "", "b", "-" },
	{ "which an operator may set aside", "tiers = { { { a, drain = true }, b } }", "up a", "ab", "-" },
	{ "forced up counts as up", "tiers = { { a }, { b } }", "a down; up a", "a", "-" },
	{ "until auto", "tiers = { { a }, { b } }", "a down; up a; auto a", "b", "-" },
	{ "or until its time is over", "tiers = { { a }, { b } }", "down a for=30000; wait 31", "a", "-" },

	/* pools */
	{ "a pool's keys", "pool = 'edge'", "a down", "b", "B" },
	{ "a service's own win", "pool = 'edge', couple = false", "a down", "b", "A" },

	/* load and capacity */
	{ "they carry the load", "load = 80, tiers = { { cap(a, 50), cap(b, 50) }, { cap(c, 80) } }", "", "ab", "-" },
	{ "one alone does not", "load = 80, tiers = { { cap(a, 50), cap(b, 50) }, { cap(c, 80) } }",
	  "b down", "c", "-" },
	{ "nobody does: all_down", "load = 80, tiers = { { cap(a, 50), cap(b, 50) }, { cap(c, 80) } }",
	  "b down; c down", "ab", "-" },
	{ "a drained one carries nothing", "load = 80, tiers = { { cap(a, 50), cap(b, 50) }, { cap(c, 80) } }",
	  "drain a", "c", "-" },
	{ "a family at a time", "load = 80, tiers = { { cap(a, 80), cap(A, 40), cap(B, 40) }, { cap(C, 80) } }",
	  "A down", "a", "C" },
	{ "coupled as need is",
	  "couple = true, load = 80, tiers = { { cap(a, 80), cap(A, 40), cap(B, 40) }, { cap(c, 80), cap(C, 80) } }",
	  "A down", "c", "C" },

	/* ttl */
	{ "ttl: no less than min", "ttl = { min = 20, max = 40 }, tiers = { { a } }", "", "a", "-", 20 },
	{ "ttl: by default 10", "tiers = { { a } }", "", "a", "-", 10 },
	{ "ttl: no more than max", "check = 'slow', ttl = { max = 40 }, tiers = { { a } }", "", "a", "-", 40 },
	{ "ttl: by default that of a name with tiers", "check = 'slow', tiers = { { a } }", "", "a", "-", 60 },
	{ "ttl: the shortest way to a change", "ttl = { min = 1 }, tiers = { { a, b } }", "", "ab", "-", 3 },
};

static const char head[] =
	"node 'ns1' { listen = '127.0.0.1:5301', control = 'run/ns1.sock', state = 'run/ns1' }\n"
	"zone 'example.test' { file = 'example.test.zone' }\n"
	"check 'web' { script = 'tcp', args = { port = 80 }, interval = '1s', timeout = '500ms', fall = 3, rise = 2 }\n"
	"check 'slow' { script = 'tcp', args = { port = 80 }, interval = '10m', timeout = '500ms' }\n"
	"local a, b, c, d, e, f = '192.0.2.11', '192.0.2.12', '192.0.2.13', '192.0.2.14', '192.0.2.15', '192.0.2.16'\n"
	"local A, B, C = '2001:db8::11', '2001:db8::12', '2001:db8::13'\n"
	"local D, E, F = '2001:db8::14', '2001:db8::15', '2001:db8::16'\n"
	"local function cap(x, n) return { x, capacity = n } end\n"
	"host 'h' { a, A, site = 'ams' }\nhost 'i' { b, B, site = 'ams' }\n"
	"pool 'edge' { tiers = { { 'h' }, { 'i' } }, couple = true }\n";
static const char zone[] =
	"$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n"
	"zoned A 192.0.2.11\nzoned A 192.0.2.12\nzoned AAAA 2001:db8::11\n";

static struct world w;

/* ---- the configuration ---- */

static void tell(const struct diags *d)
{
	char line[1024];

	for (size_t i = 0; i < d->count; i++) {
		diag_format(&d->list[i], line, sizeof line);
		fprintf(stderr, "%s\n", line);
	}
}

static struct plan *load(const char *keys)
{
	static const struct hash_key key = { { 7, 9 } };
	char text[4000];
	struct plan *p = NULL;
	struct diags d;
	struct conf *c;

	diags_init(&d);
	help_enter();
	help_write("example.test.zone", zone);
	snprintf(text, sizeof text, "%sservice '%s.example.test' { %s%s }\n", head, keys ? "www" : "zoned",
		 keys && strstr(keys, "check = ") ? "" : "check = 'web', ", keys ? keys : "");
	help_write("gemel.lua", text);
	ck_assert_int_eq(conf_load(&c, "gemel.lua", NULL, &d), 0);
	for (size_t i = 0; i < conf_zones(c); i++) {
		struct conf_zone_text t;
		struct zone *z;

		ck_assert_int_eq(conf_zone_read(c, i, &t, &d), 0);
		if (!conf_zone_compile(c, i, &t, &key, &z, &d))
			zone_free(z);
		conf_zone_text_deinit(&t);
	}
	int e = conf_plan(c, 1, &p, &d);
	if (e || d.errors)
		tell(&d);
	ck_assert_int_eq(e, 0);
	conf_free(c);
	diags_deinit(&d);
	help_leave();
	return p;
}

/* ---- what happens ---- */

static const char *const v4[] = {
	"192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14", "192.0.2.15", "192.0.2.16"
};
static const char *const v6[] = {
	"2001:db8::11", "2001:db8::12", "2001:db8::13", "2001:db8::14", "2001:db8::15", "2001:db8::16"
};

/* The address of a member, and any other word as it is. */
static const char *meant(const char *word)
{
	if (word[0] && !word[1] && word[0] >= 'a' && word[0] <= 'f')
		return v4[word[0] - 'a'];
	if (word[0] && !word[1] && word[0] >= 'A' && word[0] <= 'F')
		return v6[word[0] - 'A'];
	return word;
}

static void happen(const char *what, bool started)
{
	char text[200], first[40] = "", second[60] = "", rest[60] = "";

	ck_assert_int_ge(sscanf(what, "%39s %59s %59s", first, second, rest), 2);
	if (meant(first) != first) {
		world_backend(&w, meant(first), strcmp(second, "down") == 0 ? HEALTH_CONNECT_REFUSED :
			      strcmp(second, "mad") == 0 ? HEALTH_SCRIPT_ERROR : HEALTH_OK);
		world_run(&w, started ? 5000 : 0);
	} else if (strcmp(first, "wait") == 0) {
		world_run(&w, 1000 * strtoul(second, NULL, 10));
	} else {
		snprintf(text, sizeof text, "%s %s %s", first, meant(second), rest);
		world_command(&w, text);
		world_run(&w, 100);
	}
}

static void happen_all(const char *happens)
{
	bool started = !strstr(happens, "start");
	char text[300], *at = NULL;

	world_run(&w, started ? 3000 : 0);
	snprintf(text, sizeof text, "%s", happens);
	for (char *p = strtok_r(text, ";", &at); p; p = strtok_r(NULL, ";", &at)) {
		while (*p == ' ')
			p++;
		if (strcmp(p, "start") != 0) {
			happen(p, started);
			continue;
		}
		started = true;
		world_run(&w, 1000);
	}
}

/* ---- what is answered ---- */

static const char *letters(const char *service, uint16_t type, char out[40])
{
	char text[300], *at = NULL, *end = out;

	snprintf(text, sizeof text, "%s", world_answer(&w, service, type));
	if (strncmp(text, "not ready", 9) == 0)
		*end++ = '?';
	else if (strncmp(text, "nodata", 6) == 0)
		*end++ = '-';
	for (char *p = strtok_r(text, " ", &at); p; p = strtok_r(NULL, " ", &at))
		for (int i = 0; i < 6; i++)
			if (strcmp(p, v4[i]) == 0 || strcmp(p, v6[i]) == 0)
				*end++ = (char)((strcmp(p, v4[i]) == 0 ? 'a' : 'A') + i);
	*end = '\0';
	return out;
}

START_TEST(it_is_as_promised)
{
	const struct row *r = &rows[_i];
	char a[40], aaaa[40];

	world_begin_plan(&w, load(r->keys));
	happen_all(r->happens);
	const char *name = core_plan(w.core)->services[0].name;
	const char *ttl = strstr(world_answer(&w, name, DNS_TYPE_A), "ttl=");
	ck_assert_msg(strcmp(letters(name, DNS_TYPE_A, a), r->a) == 0, "%s: A is %s, not %s", r->words, a, r->a);
	ck_assert_msg(strcmp(letters(name, DNS_TYPE_AAAA, aaaa), r->aaaa) == 0, "%s: AAAA is %s, not %s", r->words,
		      aaaa, r->aaaa);
	ck_assert_msg(r->ttl == 0 || (ttl && strtoul(ttl + 4, NULL, 10) == r->ttl), "%s: %s, not %u", r->words, ttl,
		      r->ttl);
	world_end(&w);
}
END_TEST

/* How many an answer holds and how they are picked is the responder's work: it is told. */
static const struct { const char *keys; uint16_t answer_n; uint8_t pick; } picks[] = {
	{ "tiers = { { a, b, c } }", 0, POLICY_PICK_ROTATE },
	{ "answer = 'all', pick = 'rotate', tiers = { { a, b, c } }", 0, POLICY_PICK_ROTATE },
	{ "answer = 2, pick = 'random', tiers = { { a, b, c } }", 2, POLICY_PICK_RANDOM },
	{ "answer = 1, pick = 'weighted', tiers = { { a, b, c } }", 1, POLICY_PICK_WEIGHTED },
	{ "answer = 256, pick = 'sticky', tiers = { { a, b, c } }", 256, POLICY_PICK_STICKY },
};

START_TEST(how_many_and_which_is_told)
{
	struct core_effect e;
	unsigned seen = 0;

	world_begin_plan(&w, load(picks[_i].keys));
	world_run(&w, 3000);
	ck_assert_int_eq(core_publish_all(w.core, w.now_ms), 0);
	while (core_next_effect(w.core, &e)) {
		if (e.type != CORE_PUBLISH || e.publish.type != DNS_TYPE_A)
			continue;
		seen++;
		ck_assert_uint_eq(e.publish.count, 3);
		ck_assert_uint_eq(e.publish.answer_n, picks[_i].answer_n);
		ck_assert_uint_eq(e.publish.pick, picks[_i].pick);
	}
	ck_assert_uint_eq(seen, 1);
	world_end(&w);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, it_is_as_promised, 0, sizeof rows / sizeof *rows);
	tcase_add_loop_test(t, how_many_and_which_is_told, 0, sizeof picks / sizeof *picks);
	return unit_run_case("service_keys", t);
}
