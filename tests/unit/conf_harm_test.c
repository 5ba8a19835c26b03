/* Harm done to a right configuration: octets changed, cut and doubled, and memory that runs out. Nothing may crash,
 * leak, or be taken for another configuration.
 */
#include "conf/conf.h"
#include "base/rng.h"
#include "conf_help.h"
#include "fault.h"
#include "unit.h"

#define ROUNDS 4000
#define SEED 20261121u

static const struct hash_key key = {{7, 9}};

static int walk_zones(struct conf *c, struct diags *d)
{
	int e = 0;

	for (size_t i = 0; i < conf_zones(c) && e != ERR_NOMEM; i++) {
		struct conf_zone_text t;
		struct zone *z;

		e = conf_zone_read(c, i, &t, d);
		if (!e) {
			e = conf_zone_compile(c, i, &t, &key, &z, d);
			if (!e)
				zone_free(z);
			conf_zone_text_deinit(&t);
		}
		if (e)
			conf_zone_absent(c, i);
	}
	return e == ERR_NOMEM ? e : 0;
}

/* The digest of the plan, or 0 where the configuration is refused. */
static uint64_t try(const char *file)
{
	struct diags d;
	struct conf *c;
	struct plan *p;
	uint64_t digest = 0;
	struct bytes out;
	int e;

	diags_init(&d);
	if (!conf_load(&c, file, "ns1", &d)) {
		e = walk_zones(c, &d);
		if (!e && !conf_plan(c, 1, &p, &d)) {
			bytes_init(&out, 1 << 20);
			if (!d.errors)
				(void)!conf_print(c, p, &out);
			bytes_deinit(&out);
			digest = d.errors ? 0 : p->digest;
			plan_free(p);
		}
		conf_free(c);
	}
	diags_deinit(&d);
	return digest;
}

static size_t read_text(const char *name, char *text, size_t cap)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, cap);

	ck_assert_int_gt(n, 0);
	close(fd);
	return (size_t)n;
}

static void enter(void)
{
	char command[8192];

	help_enter();
	snprintf(command, sizeof command, "cp '%s/../tests/unit/conf_good/product.lua' .", getenv("GEMEL_LUA_DIR"));
	ck_assert_int_eq(system(command), 0);
	help_write("example.test.zone", "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n");
}

static size_t harm(struct rng *r, char *text, size_t len)
{
	static const char odd[] = "{}[]()\"'=,;-\n\\\0\xff\x80 0x9e~<>#%^&*all site: null nil ";
	size_t at = rng_below(r, len), n = rng_below(r, 12) + 1;

	n = n > len - at ? len - at : n;
	switch (rng_below(r, 4)) {
	case 0:
		text[at] = (char)rng_u64(r);
		return len;
	case 1:
		for (size_t i = 0; i < n; i++)
			text[at + i] = odd[rng_below(r, sizeof odd - 1)];
		return len;
	case 2:
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	default:
		memmove(text + at + n, text + at, len - at);
		return len + n;
	}
}

START_TEST(harmed_text_is_survived)
{
	static char good[8192], text[8192 + 64];
	struct rng r;
	size_t good_len, len;
	unsigned taken = 0;

	enter();
	good_len = read_text("product.lua", good, sizeof good);
	rng_init(&r, SEED);
	for (unsigned i = 0; i < ROUNDS; i++) {
		memcpy(text, good, good_len);
		len = good_len;
		for (uint64_t n = rng_below(&r, 3) + 1; n; n--)
			len = harm(&r, text, len);
		help_write_mode("harmed.lua", text, len, 0600);
		taken += try("harmed.lua") != 0;
	}
	printf("seed %u: %u of %d harmed configurations were still right\n", SEED, taken, ROUNDS);
	ck_assert_uint_lt(taken, ROUNDS / 2);
	help_leave();
}
END_TEST

START_TEST(harmed_zones_are_survived)
{
	static const char good[] = "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\nwww A "
				   "127.0.0.11\n$INCLUDE more\n";
	char text[512];
	struct rng r;

	enter();
	help_write("more", "x TXT \"y\"\n");
	rng_init(&r, SEED + 1);
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		size_t len = sizeof good - 1;

		memcpy(text, good, len);
		for (uint64_t n = rng_below(&r, 4) + 1; n; n--)
			len = harm(&r, text, len);
		help_write_mode("example.test.zone", text, len, 0600);
		(void)try("product.lua");
	}
	help_leave();
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
	uint64_t good, digest;
	bool done = false;
	unsigned n;

	enter();
	good = try("product.lua");
	ck_assert_uint_ne(good, 0);
	for (n = 1; !done; n++) {
		fault_arm(n);
		digest = try("product.lua");
		done = !fault_disarm();
		ck_assert_msg(!digest || digest == good, "another configuration after failure %u", n);
	}
	ck_assert_uint_eq(digest, good);
	printf("%u allocations failed in turn\n", n - 2);
	help_leave();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {harmed_text_is_survived, harmed_zones_are_survived, memory_may_run_out_anywhere};

	setenv("CK_DEFAULT_TIMEOUT", "300", 0);
	return unit_run("conf_harm", tests, sizeof tests / sizeof *tests);
}
