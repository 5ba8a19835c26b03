/* Addresses and blocks. */
#include <string.h>
#include "base/addr.h"
#include "tests/unit/unit.h"

static struct addr parsed(const char *text)
{
	struct addr a;
	ck_assert_msg(addr_parse(&a, text, strlen(text), 0) == 0, "%s", text);
	return a;
}

START_TEST(text_goes_in_and_comes_out)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "192.0.2.1:53", "192.0.2.1:53" },
		{ "0.0.0.0:53", "0.0.0.0:53" },
		{ "::", "::" },
		{ "[::]:53", "[::]:53" },
		{ "[::1]", "::1" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:DB8::A", "2001:db8::a" },
		{ "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		{ "[2001:db8::1]:53", "[2001:db8::1]:53" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },   /* RFC 5952 4.2.2: one group is not shortened */
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },         /* the longest run */
		{ "1:0:0:2:3:0:0:4", "1::2:3:0:0:4" },       /* the first of equals */
		{ "0:0:1::", "0:0:1::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },  /* RFC 5952 5 */
		{ "::ffff:c000:0201", "::ffff:192.0.2.1" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[ADDR_TEXT_MAX];
		struct addr a = parsed(cases[i].in);
		ck_assert_str_eq(addr_format(&a, true, out), cases[i].out);
	}
}
END_TEST

START_TEST(broken_text_is_refused_and_nothing_written)
{
	static const char *const cases[] = {
		"", ".", ":", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
		"1.2.3.4:", "1.2.3.4:0", "1.2.3.4:053", "1.2.3.4:65536", "1.2.3.4:99999999999999999999", "1.2.3.-4",
		"1..2.3", "a.b.c.d", "[1.2.3.4]:53", "[1.2.3.4]", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1",
		"::1]", "[::1]53", "[::1]:", "[::1]:0", "[]:53", "::1.2.3", "::1.2.3.4.5", "1:2:3:4:5:6:7:1.2.3.4",
		"1.2.3.4::", "[[::1]]", "2001:db8::1/64",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:65535",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr a = { .family = 77 };
		ck_assert_msg(addr_parse(&a, cases[i], strlen(cases[i]), 53) == ERR_FORMAT, "%s", cases[i]);
		ck_assert_int_eq(a.family, 77);
	}
}
END_TEST

START_TEST(a_port_without_brackets_is_seen)
{
	static const struct { const char *text, *meant; } cases[] = {
		{ "::1:5301", "[::1]:5301" },
		{ "::1:53", "[::1]:53" },
		{ "2001:db8::1:8443", "[2001:db8::1]:8443" },
		{ "2001:DB8::1:443", "[2001:db8::1]:443" },
		{ "2001:db8:::443", "[2001:db8::]:443" },
		{ "2001:db8::1:853", "[2001:db8::1]:853" },
		{ "::1:2:3:4:5:6:1000", "[::1:2:3:4:5:6]:1000" },
		/* these are no addresses, so any port will do */
		{ "1:2:3:4:5:6:7:8:7", "[1:2:3:4:5:6:7:8]:7" },
		{ "::1:53010", "[::1]:53010" },
		{ "::ffff:192.0.2.1:9", "[::ffff:192.0.2.1]:9" },
		/* one address, whatever is done to it */
		{ "2001:db8::5301", NULL },
		{ "::5301", NULL },
		{ "::", NULL },
		{ "1:2:3:4:5:6:7:5301", NULL },
		/* more likely an address than a port */
		{ "2001:db8::1:7", NULL },
		{ "2001:db8::1:100", NULL },
		{ "2001:db8::1:0443", NULL },
		{ "2001:db8::1:beef", NULL },
		{ "2001:db8::1:1a53", NULL },
		/* said with brackets, or of the other family, or nothing at all */
		{ "[::1:5301]", NULL },
		{ "[::1]:5301", NULL },
		{ "192.0.2.1:5301", NULL },
		{ "::1:70000", NULL },
		{ "::1:", NULL },
		{ ":5301", NULL },
		{ "localhost:5301", NULL },
		{ "", NULL },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:5301", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr a = { .family = 77 };
		char out[ADDR_TEXT_MAX];
		bool seen = addr_lacks_brackets(cases[i].text, strlen(cases[i].text), &a);
		ck_assert_msg(seen == (cases[i].meant != NULL), "%s", cases[i].text);
		if (seen)
			ck_assert_str_eq(addr_format(&a, true, out), cases[i].meant);
		else
			ck_assert_int_eq(a.family, 77);
	}
}
END_TEST

START_TEST(length_bounds_the_text)
{
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "192.0.2.155", 9, 0), 0);
	ck_assert_int_eq(a.ip[3], 1);
	ck_assert_int_eq(addr_parse(&a, "::1\0", 4, 0), ERR_FORMAT);
}
END_TEST

START_TEST(the_default_port_steps_in)
{
	char out[ADDR_TEXT_MAX];
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, "::1", 3, 53), 0);
	ck_assert_str_eq(addr_format(&a, true, out), "[::1]:53");
	ck_assert_str_eq(addr_format(&a, false, out), "::1");
	ck_assert_int_eq(addr_parse(&a, "::1.2.3.4", 9, 8), 0);
	ck_assert_int_eq(a.port, 8);
	ck_assert_int_eq(addr_parse(&a, "1.2.3.4:9", 9, 8), 0);
	ck_assert_int_eq(a.port, 9);
}
END_TEST

START_TEST(unset_has_a_text_too)
{
	char out[ADDR_TEXT_MAX];
	struct addr a = { 0 };
	ck_assert_str_eq(addr_format(&a, true, out), "-");
	ck_assert(!addr_is_any(&a) && !addr_is_loopback(&a));
	ck_assert_uint_eq(addr_ip_len(&a), 0);
}
END_TEST

START_TEST(order_is_family_then_ip_then_port)
{
	static const char *const sorted[] = { "1.2.3.4", "1.2.3.4:1", "1.2.3.4:300", "1.2.4.0", "200.0.0.0:1",
					      "::", "::1", "[::1]:5", "1::" };
	size_t n = sizeof sorted / sizeof *sorted;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			struct addr a = parsed(sorted[i]), b = parsed(sorted[j]);
			int order = addr_compare(&a, &b);
			ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
			ck_assert_int_eq(addr_equal(&a, &b), i == j);
		}
	}
	struct addr a = parsed("::1"), b = parsed("[::1]:5");
	ck_assert(addr_same_ip(&a, &b));
}
END_TEST

START_TEST(special_addresses_are_known)
{
	struct addr any4 = parsed("0.0.0.0:53"), any6 = parsed("::"), lo4 = parsed("127.9.0.1"), lo6 = parsed("::1");
	struct addr other4 = parsed("128.0.0.1"), other6 = parsed("::2");
	ck_assert(addr_is_any(&any4) && addr_is_any(&any6) && !addr_is_any(&lo4) && !addr_is_any(&lo6));
	ck_assert(addr_is_loopback(&lo4) && addr_is_loopback(&lo6));
	ck_assert(!addr_is_loopback(&any4) && !addr_is_loopback(&other4) && !addr_is_loopback(&other6));
}
END_TEST

START_TEST(blocks_hold_their_addresses)
{
	static const struct {
		const char *block, *inside, *outside;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.77/24", "192.0.2.1:53", "192.0.1.77" }, /* host bits are cleared */
		{ "10.0.0.0/9", "10.127.255.255", "10.128.0.0" },
		{ "0.0.0.0/0", "255.255.255.255", "::" },
		{ "::/0", "ffff::", "0.0.0.0" },
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.1/32", "192.0.2.1", "192.0.2.0" },
		{ "2001:db8::/32", "2001:db8:ffff::", "2001:db9::" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "::1/128", "::1", "::" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr_block b;
		struct addr in = parsed(cases[i].inside), out = parsed(cases[i].outside), unset = { 0 };
		ck_assert_int_eq(addr_block_parse(&b, cases[i].block, strlen(cases[i].block)), 0);
		ck_assert_msg(addr_block_has(&b, &in), "%s", cases[i].block);
		ck_assert_msg(!addr_block_has(&b, &out), "%s", cases[i].block);
		ck_assert(!addr_block_has(&b, &unset));
	}
}
END_TEST

START_TEST(broken_blocks_are_refused)
{
	static const char *const cases[] = { "", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/024", "::/129",
					     "192.0.2.0:53/24", "[::]/0", "[::1]", "192.0.2.0/24/1", "192.0.2.0/-1",
					     "192.0.2.0/2x", "1.2.3.4:53" };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr_block b = { .prefix_len = 99 };
		ck_assert_msg(addr_block_parse(&b, cases[i], strlen(cases[i])) == ERR_FORMAT, "%s", cases[i]);
		ck_assert_int_eq(b.prefix_len, 99);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		text_goes_in_and_comes_out, broken_text_is_refused_and_nothing_written, a_port_without_brackets_is_seen, length_bounds_the_text,
		the_default_port_steps_in, unset_has_a_text_too, order_is_family_then_ip_then_port,
		special_addresses_are_known, blocks_hold_their_addresses, broken_blocks_are_refused,
	};
	return unit_run("base_addr", tests, sizeof tests / sizeof *tests);
}
