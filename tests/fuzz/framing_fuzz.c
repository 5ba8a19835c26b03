/* A stream in arbitrary pieces, to one who stops now and then: the same messages and the same answers as in one piece.
 *
 *     input:  n | n cuts | the stream      a cut: how many octets come next (0 = 256), low bit: then one message at a time
 */
#include <string.h>
#include "answer/answer.h"
#include "base/buf.h"
#include "dns/framing.h"
#include "tests/fuzz/fuzz.h"

#define STREAM_MAX 4096 /* of the driver's inputs */
#define OUT_MAX (1u << 20)

#define QUERY "\0\x22" "\x12\x34\1\0\0\1\0\0\0\0\0\0" "\3www\7example\4test\0\0\1\0\1"
#define SHORT "\0\5hello"
#define EMPTY "\0\0"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\0" QUERY),
	FUZZ_SEED("\1\2" QUERY QUERY),
	FUZZ_SEED("\3\2\4\6" QUERY SHORT QUERY),
	FUZZ_SEED("\4\3\x20\x21\1" EMPTY QUERY EMPTY QUERY SHORT),
	FUZZ_SEED("\2\xff\0" QUERY QUERY QUERY QUERY QUERY QUERY QUERY QUERY QUERY "\xff\xff" "end"),
	FUZZ_SEED("\2\x0a\x0b" "\1\0" QUERY QUERY QUERY QUERY QUERY QUERY QUERY QUERY "\0"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

struct sink { /* answers one behind the other, and messages as they came */
	uint8_t answers[OUT_MAX], messages[STREAM_MAX];
	size_t answers_len, messages_len;
	bool one_at_a_time;
};

/* What any server says to anything: enough to see a message that came out wrong. */
static bool take(void *ctx, const uint8_t *message, size_t len)
{
	static const struct answer_limits lim = { .udp_edns_max = DNS_UDP_EDNS_MAX };
	struct sink *s = ctx;
	size_t n = 0;

	FUZZ_REQUIRE(s->messages_len + len + 2 <= sizeof s->messages && s->answers_len + DNS_MESSAGE_MAX <= sizeof s->answers);
	store_u16(s->messages + s->messages_len, (uint16_t)len);
	memcpy(s->messages + s->messages_len + 2, message, len);
	s->messages_len += len + 2;
	if (answer_error(&lim, &key, NULL, NULL, DNS_RCODE_REFUSED, message, len, s->answers + s->answers_len, DNS_MESSAGE_MAX, &n) ==
	    ANSWER_SEND)
		s->answers_len += n;
	return !s->one_at_a_time;
}

static void drain(struct framing *f, struct sink *s)
{
	while (framing_waits(f))
		FUZZ_REQUIRE(framing_feed(f, NULL, 0, take, s) == 1 || !s->one_at_a_time);
}

static size_t next_piece(const uint8_t *cuts, size_t count, size_t i, size_t left, bool *one_at_a_time)
{
	const unsigned cut = count ? cuts[i % count] : 0;
	const size_t n = count ? (cut ? cut : 256u) : left;

	*one_at_a_time = cut & 1;
	return n < left ? n : left;
}

static void run(struct sink *s, const uint8_t *cuts, size_t count, const uint8_t *stream, size_t len)
{
	static struct { uint8_t head[FRAMING_HEAD], came[STREAM_MAX]; } room;
	struct framing f = { .kept = NULL };
	size_t at = 0;

	s->answers_len = s->messages_len = 0;
	for (size_t i = 0; at < len; i++) {
		size_t n = next_piece(cuts, count, i, len - at, &s->one_at_a_time);
		memcpy(room.came, stream + at, n);
		FUZZ_REQUIRE(framing_feed(&f, room.came, n, take, s) >= 0);
		drain(&f, s);
		at += n;
	}
	FUZZ_REQUIRE(s->messages_len + f.len == len); /* all that came is somewhere */
	FUZZ_REQUIRE(memcmp(s->messages, stream, s->messages_len) == 0);
	FUZZ_REQUIRE(f.len == 0 || memcmp(f.kept, stream + s->messages_len, f.len) == 0);
	FUZZ_REQUIRE((f.len == 0) == (f.kept == NULL));
	framing_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct sink whole, pieces;
	const size_t count = len > 0 && data[0] < len ? data[0] : 0;
	const uint8_t *stream = data + (len > 0) + count;
	const size_t stream_len = len - (len > 0) - count;

	if (stream_len > STREAM_MAX)
		return 0;
	run(&whole, NULL, 0, stream, stream_len);
	run(&pieces, data + 1, count, stream, stream_len);
	FUZZ_REQUIRE(whole.messages_len == pieces.messages_len);
	FUZZ_REQUIRE(whole.answers_len == pieces.answers_len && memcmp(whole.answers, pieces.answers, whole.answers_len) == 0);
	return 0;
}
