/* Names and bodies of every length: the hot path copies, compares and hashes them in words that overlap. */
#include <stdio.h>
#include <string.h>
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

#define LONGEST 63
#define OWNER_MAX 260 /* as text */
#define LINE_MAX 400

static struct kit kit;

static const char *letters(unsigned n)
{
	static char text[LONGEST + 1];

	for (unsigned i = 0; i < n; i++)
		text[i] = (char)('a' + (i + n) % 26);
	text[n] = '\0';
	return text;
}

/* One name of each length, with a TXT as long; no zone is shorter than the root, nor its names. */
static void open_zones(void)
{
	static char text[3][40000];
	static const char *const apexes[] = { "t", "a-rather.long.apex-it.is.test", "." };
	struct kit_zone z[3];

	for (unsigned k = 0; k < 3; k++) {
		size_t at = (size_t)snprintf(text[k], sizeof text[k], "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
					     "*.wild TXT wild\nlive A 192.0.2.2\n");
		for (unsigned n = 1; n <= LONGEST; n++) {
			at += (size_t)snprintf(text[k] + at, sizeof text[k] - at, "%s TXT", letters(n));
			at += (size_t)snprintf(text[k] + at, sizeof text[k] - at, " %s%u\n", letters(n), k);
		}
		z[k] = (struct kit_zone){ .apex = apexes[k], .text = text[k], .live = k ? NULL : "live.t" };
	}
	kit_init(&kit, z, 3);
}

static void expect(const char *owner, const char *more, const char *want)
{
	char line[LINE_MAX];

	snprintf(line, sizeof line, "%s TXT%s", owner, more);
	const char *said = kit_ask(&kit, line);
	ck_assert_msg(strncmp(said, want, strlen(want)) == 0, "%s: %.300s", line, said);
}

/* Without EDNS nothing stands behind the question. */
static void ask_lengths(unsigned zone, const char *suffix)
{
	static const char *const more[] = { "", " edns=1232", " tcp" };
	char owner[OWNER_MAX], want[LINE_MAX];

	for (unsigned n = 1; n <= LONGEST; n++)
		for (unsigned i = 0; i < 3; i++) {
			snprintf(owner, sizeof owner, "%s%s", letters(n), suffix);
			snprintf(want, sizeof want, "NOERROR aa\nan %s. 60 TXT \"%s%u\"", owner, letters(n), zone);
			expect(owner, more[i], want);
			snprintf(owner, sizeof owner, "%s.wild%s", letters(n), suffix);
			snprintf(want, sizeof want, "NOERROR aa\nan %s. 60 TXT \"wild\"", owner);
			expect(owner, more[i], want);
			snprintf(owner, sizeof owner, "%s.%s%s", letters(1), letters(n), suffix);
			expect(owner, more[i], "NXDOMAIN aa\nns ");
		}
}

START_TEST(names_and_bodies)
{
	open_zones();
	ask_lengths(0, ".t");
	ask_lengths(1, ".a-rather.long.apex-it.is.test");
	ask_lengths(2, "");
	kit_deinit(&kit);
}
END_TEST

START_TEST(live_windows)
{
	open_zones();
	char members[LINE_MAX] = "";
	for (unsigned count = 1; count <= 20; count++) {
		snprintf(members + strlen(members), sizeof members - strlen(members), " 192.0.2.%u", count);
		for (unsigned window = 1; window <= count; window++) {
			kit_publish(&kit, "live.t", DNS_TYPE_A, members + 1, ANSWER_PICK_ROTATE, window, 10);
			char want[2000] = "NOERROR aa", after[2000] = "NOERROR aa";
			kit.worker.turn[0] = count - 1;
			for (unsigned i = 0; i < window; i++) {
				snprintf(want + strlen(want), sizeof want - strlen(want), "\nan live.t. 10 A 192.0.2.%u",
					 (count - 1 + i) % count + 1);
				snprintf(after + strlen(after), sizeof after - strlen(after), "\nan live.t. 10 A 192.0.2.%u", i + 1);
			}
			ck_assert_str_eq(kit_ask(&kit, "live.t A"), want);
			ck_assert_str_eq(kit_ask(&kit, "live.t A"), after);
		}
	}
	kit_deinit(&kit);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { names_and_bodies, live_windows };
	return unit_run("answer: lengths", tests, sizeof tests / sizeof *tests);
}
