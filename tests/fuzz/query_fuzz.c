/* query_parse on hostile packets: no read past the end, and what it says of a good query is true. */
#include <string.h>
#include "base/buf.h"
#include "dns/query.h"
#include "tests/fuzz/fuzz.h"

#define HEADER(questions, additional) "\x12\x34\x01\0" "\0" questions "\0\0\0\0\0" additional
#define QUESTION "\3WwW\7example\4test\0\0\1\0\1"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED(HEADER("\1", "\0") QUESTION),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\4\xd0\0\0\x80\0\0\0"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\x10\0\3\0\0\0\x0a\0\10" "01234567"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\2\0\0\1\0\0\0\0"),
	FUZZ_SEED(HEADER("\1", "\2") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" "\0\0\x29\4\xd0\0\0\0\0\0\0"),
	FUZZ_SEED(HEADER("\0", "\1") "\0\0\x29\4\xd0\0\0\0\0\0\0"),
	FUZZ_SEED(HEADER("\0", "\1") "\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" "01234567"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\x1c\0\x0a\0\x18" "01234567\1\0\0\0abcd01234567"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\x0f\0\x08\0\7\0\1\x18\0\xc0\0\2" "\0\x0b\0\0"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\x0e\0\x08\0\x0a\0\2\x30\0\x20\1\x0d\xb8\0\1"),
	FUZZ_SEED("\0\3\x20\0\0\1\0\0\0\0\0\0" "\7example\4test\0\0\6\0\1"),
	FUZZ_SEED("\0\1\x20\0\0\1\0\0\0\0\0\0" QUESTION),
	FUZZ_SEED("\0\2\x28\0\0\1\0\0\0\1\0\0" QUESTION "\xc0\x0c\0\xff\0\xff\0\0\0\0\0\0"),
	FUZZ_SEED(HEADER("\1", "\1") QUESTION "\3key\0" "\0\xfa\0\xff\0\0\0\0\0\x18" "\4alg1\0" "\0\0\x65\0\0\0" "\1\x2c"
		  "\0\2mm" "\x12\x34\0\0\0\0"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

static void check_question(const struct query *q, size_t len, const struct hash_key *key)
{
	FUZZ_REQUIRE(q->question_len == q->name_len + 4);
	FUZZ_REQUIRE((size_t)DNS_HEADER_LEN + q->question_len <= len);
	FUZZ_REQUIRE(name_check(q->name, q->name_len) == q->name_len);
	FUZZ_REQUIRE(name_equal(q->name, q->wire + DNS_HEADER_LEN));
	FUZZ_REQUIRE(name_labels(q->name) == q->labels);
	for (unsigned i = 0; i <= q->labels; i++) {
		FUZZ_REQUIRE(name_skip(q->name, i) == q->name + q->label_at[i]);
		FUZZ_REQUIRE(name_hash(key, q->name + q->label_at[i]) == q->hash[i]);
	}
}

static void check_options(const struct query *q, const uint8_t *end)
{
	if (q->options & QUERY_OPTION_COOKIE)
		FUZZ_REQUIRE(q->cookie > q->wire && q->cookie + q->cookie_len <= end &&
			     (q->cookie_len == 8 || (q->cookie_len >= 16 && q->cookie_len <= QUERY_COOKIE_MAX)));
	if (q->options & QUERY_OPTION_ECS)
		FUZZ_REQUIRE(q->ecs > q->wire && q->ecs + q->ecs_len <= end && q->ecs_len >= QUERY_ECS_HEAD_LEN &&
			     q->ecs_len <= QUERY_ECS_MAX && q->ecs_len == QUERY_ECS_HEAD_LEN + (q->ecs[2] + 7) / 8);
}

static void check_tsig(const struct query *q, const uint8_t *end)
{
	if (q->rcode != DNS_RCODE_NOTAUTH || !q->tsig)
		return;
	int key_len = name_check(q->tsig, (size_t)(end - q->tsig));
	FUZZ_REQUIRE(q->tsig > q->wire && key_len > 0 && end - q->tsig > key_len + 10);
	const uint8_t *algorithm = q->tsig + key_len + 10;
	int algorithm_len = name_check(algorithm, (size_t)(end - algorithm));
	FUZZ_REQUIRE(algorithm_len > 0 && end - algorithm >= algorithm_len + 16);
}

static void check_text(const uint8_t *name, size_t name_len)
{
	char text[NAME_TEXT_MAX];
	uint8_t again[NAME_WIRE_MAX];

	name_format(name, text);
	FUZZ_REQUIRE(name_parse(again, text, strlen(text), NULL, false) == (int)name_len);
	FUZZ_REQUIRE(memcmp(again, name, name_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };
	struct query q;

	memset(&q, 0xaa, sizeof q); /* nothing may be left to chance */
	switch (query_parse(&q, data, len, &key)) {
	case QUERY_DROP:
		FUZZ_REQUIRE(len < DNS_HEADER_LEN || data[2] & 0x80);
		return 0;
	case QUERY_OK:
		FUZZ_REQUIRE(q.question_len > 0 && q.rcode == DNS_RCODE_NOERROR);
		FUZZ_REQUIRE(q.opcode == DNS_OPCODE_QUERY || q.qtype == DNS_TYPE_SOA);
		break;
	case QUERY_COOKIE:
		FUZZ_REQUIRE(q.question_len == 0 && q.options & QUERY_OPTION_COOKIE && q.rcode == DNS_RCODE_NOERROR);
		FUZZ_REQUIRE(q.opcode == DNS_OPCODE_QUERY && load_u16(data + 4) == 0);
		break;
	case QUERY_ERROR:
		FUZZ_REQUIRE(q.rcode == DNS_RCODE_FORMERR || q.rcode == DNS_RCODE_NOTIMP ||
			     q.rcode == DNS_RCODE_BADVERS || q.rcode == DNS_RCODE_NOTAUTH);
		check_tsig(&q, data + len);
		FUZZ_REQUIRE((q.rcode == DNS_RCODE_BADVERS) == (q.has_edns && q.edns_version > 0));
		break;
	default: FUZZ_REQUIRE(false);
	}
	FUZZ_REQUIRE(q.wire == data && query_id(&q) == load_u16(data));
	FUZZ_REQUIRE(!q.has_edns || q.edns_size >= DNS_UDP_PLAIN_MAX);
	FUZZ_REQUIRE(q.has_edns || q.options == 0);
	check_options(&q, data + len);
	if (q.question_len == 0)
		return 0;
	check_question(&q, len, &key);
	check_text(q.name, q.name_len);
	return 0;
}
