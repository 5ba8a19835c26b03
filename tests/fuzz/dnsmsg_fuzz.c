/* Answers of probed name servers: no read past the end, every walk ends, names and texts keep their bounds. */
#include <string.h>
#include "dns/const.h"
#include "script/dnsmsg.h"
#include "tests/fuzz/fuzz.h"

#define HEADER(answers) "\x12\x34\x84\0\0\1\0" answers "\0\0\0\0"
#define QUESTION "\3www\7example\4test\0\0\1\0\1"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED(HEADER("\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"),
	FUZZ_SEED(HEADER("\1") QUESTION "\xc0\x10\0\6\0\1\0\0\0\x3c\0\x22\2ns\xc0\x10\4host\xc0\x10\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
	FUZZ_SEED(HEADER("\2") QUESTION "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\7\2ab\3c\"\\\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\4\0\x0a\xc0\x0c"),
	FUZZ_SEED(HEADER("\1") QUESTION "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x08\0\1\0\2\0\3\xc0\x10"),
	FUZZ_SEED(HEADER("\1") QUESTION "\xc0\x0c\1\1\0\1\0\0\0\x3c\0\5abcde"),
	FUZZ_SEED("\x12\x34\x80\1\0\0\0\0\0\0\0\0"),
	FUZZ_SEED("\x12\x34\x80\x02\0\1\0\0\0\0\0\1" QUESTION "\0\0\x29\4\xd0\1\0\0\0\0\0"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dnsmsg m;
	struct dnsmsg_record r;
	char text[DNSMSG_TEXT_MAX];
	size_t records = 0, before;
	uint32_t serial;
	int more;

	if (dnsmsg_begin(&m, data, len) != 0)
		return 0;
	FUZZ_REQUIRE(m.at >= DNS_HEADER_LEN && m.at <= len);
	for (before = m.at; (more = dnsmsg_next(&m, &r)) == 1; before = m.at) {
		FUZZ_REQUIRE(m.at >= before + 11 && m.at <= len && r.data_at + r.data_len == m.at);
		FUZZ_REQUIRE(name_check(r.name, NAME_WIRE_MAX) == (int)name_len(r.name));
		FUZZ_REQUIRE(r.section >= DNSMSG_ANSWER && r.section <= DNSMSG_ADDITIONAL && ++records <= len / 11);
		if (dnsmsg_text(&m, &r, text) == 0)
			for (const char *c = text; *c != '\0'; c++)
				FUZZ_REQUIRE(*c >= 0x20 && *c < 0x7f && c < text + sizeof text);
		FUZZ_REQUIRE(dnsmsg_serial(&m, &r, &serial) != 0 || r.type == DNS_TYPE_SOA);
	}
	FUZZ_REQUIRE(more == 0 ? m.at == len : more == ERR_FORMAT);
	return 0;
}
