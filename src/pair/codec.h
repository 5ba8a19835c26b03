/* The octets of PAIR/1 (doc/design/pair.md has the tables): header, heartbeat, and the TLVs that follow it.  Knows
 * nothing of keys, sessions or shelves.  What comes from the wire is checked here, once and completely: a plaintext
 * that beat_decode accepted can be walked without another check.
 *
 *     GEML | 1 type key flags | src dst ctlen | cluster | boot (8) | counter (8)        32, clear, authenticated
 *     fixed part (64) | digest entries (20 each) | TLVs                                 ctlen, encrypted
 *     tag                                                                               16
 */
#ifndef GEMEL_PAIR_CODEC_H
#define GEMEL_PAIR_CODEC_H
#include "base/buf.h"
#include "pair/pair.h"

#define PAIR_VERSION 1
#define PAIR_HEADER_LEN 32
#define PAIR_TAG_LEN 16
#define PAIR_BEAT_LEN 64
#define PAIR_ENTRY_LEN 20
#define PAIR_PLAIN_MAX (PAIR_PACKET_MAX - PAIR_HEADER_LEN - PAIR_TAG_LEN)
#define PAIR_AGE_UNKNOWN 0xffff /* of an entry's age: no sign of life, or too long ago */

#define PAIR_FLAG_TCP 1u /* of the header: it came, or goes, by TCP */
#define PAIR_FRAME_LEN 2 /* over TCP each packet stands behind its length */

/* All carry the same plaintext: PROBE goes out of turn with a PING or an ACK, BYE is a sender's last. 2 is reserved. */
enum pair_type { PAIR_TYPE_NONE = 0, PAIR_TYPE_BEAT = 1, PAIR_TYPE_PROBE = 3, PAIR_TYPE_BYE = 4 };

struct pair_header {
	uint8_t version, type, key_id, flags, src, dst;
	uint16_t text_len; /* of the ciphertext, tag not counted */
	uint32_t cluster;
	uint64_t boot, counter;
};
void header_encode(uint8_t out[PAIR_HEADER_LEN], const struct pair_header *h);
/* ERR_SHORT; ERR_FORMAT: not our magic, or lengths that do not add up; ERR_VERSION: another major version (h->version,
 * src and dst are filled then too). */
int header_decode(struct pair_header *h, const uint8_t *data, size_t len) MUST_CHECK;

#define BEAT_AHEAD_MAX_S 0xffffffu /* of hlc_ahead_s: so much or more, so nobody can tell the wall clock */
/* Bits of the heartbeat's flags. */
#define BEAT_DIGEST_WHOLE 1u /* state_digest stands for exactly what the digest entries say */
#define BEAT_ECHO 2u         /* echo_ts and echo_hold_us are set */

/* How far a copy of one owner's shelf reaches. */
struct pair_vector {
	uint64_t epoch, seq;
};
static inline int vector_compare(struct pair_vector a, struct pair_vector b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

struct pair_entry {
	uint8_t owner;
	uint16_t age_10ms; /* since the last sign of life that the sender had of the owner itself */
	struct pair_vector vector;
};

struct pair_beat {
	uint64_t your_boot, epoch, hlc, config_digest, state_digest;
	uint32_t tx_ts, echo_ts, echo_hold_us;
	uint16_t interval_ms;
	uint8_t version_min, version_max;
	uint8_t self, link, lhm;
	uint8_t entry_count;
	uint32_t hlc_ahead_s; /* how far hlc stands ahead of the sender's wall clock, at most BEAT_AHEAD_MAX_S */
	uint8_t flags;
	/* after beat_decode, borrowed from the plaintext */
	const uint8_t *entries, *tlvs;
	size_t tlvs_len;
};
/* Writes the fixed part and nothing after it. */
void beat_put(struct wbuf *w, const struct pair_beat *b);
void entry_put(struct wbuf *w, const struct pair_entry *e);
/* Checks the whole plaintext, every TLV included. ERR_SHORT, ERR_FORMAT; ERR_VERSION for a TLV that must be understood
 * and is not. An unknown self or link state becomes 0. */
int beat_decode(struct pair_beat *b, const uint8_t *plain, size_t len) MUST_CHECK;
void beat_entry(const struct pair_beat *b, size_t i, struct pair_entry *e); /* i < entry_count */

/* ---- TLVs: type u16 (top bit: must understand), length u16 ---- */
enum tlv_type { TLV_NONE = 0, TLV_DELTA = 1, TLV_PULL = 2, TLV_PING = 3, TLV_ACK = 4 };
#define TLV_MUST 0x8000u
#define TLV_HEAD_LEN 4
#define TLV_DELTA_LEN 36  /* before the records */
#define TLV_RECORD_LEN 16 /* before the value */
#define TLV_PULL_LEN 24
#define TLV_PING_LEN 16

struct tlv_delta {
	uint8_t owner, flags;
	uint16_t count;
	uint64_t epoch, from, to, base;
	struct rbuf records; /* for delta_next */
};
struct tlv_pull {
	uint8_t owner;
	struct pair_vector from;
};
struct tlv_ping { /* the answer, an ACK, is the same */
	uint8_t target, origin; /* who is asked, and for whom */
	uint32_t ts;            /* the origin's time, and its boot, which only it understands */
	uint64_t boot;
};
struct tlv {
	enum tlv_type type; /* TLV_NONE: not known, skip it */
	union {
		struct tlv_delta delta;
		struct tlv_pull pull;
		struct tlv_ping ping; /* PING and ACK */
	};
};
/* Walks the TLVs of an accepted heartbeat; *r starts as tlv_walk. false at the end. */
struct rbuf tlv_walk(const struct pair_beat *b);
bool tlv_next(struct rbuf *r, struct tlv *t);
/* The next record of a delta, owner, epoch and the absolute seq filled in; the value is borrowed from the packet. */
bool delta_next(struct tlv_delta *d, struct pair_record *r);

void pull_put(struct wbuf *w, const struct tlv_pull *p);
void ping_put(struct wbuf *w, enum tlv_type type, const struct tlv_ping *p);
/* A delta is written head first, then its records, then closed; w must have room for the head. */
struct delta_writer {
	uint8_t *head;
	size_t start;
	uint16_t count;
	uint64_t from;
};
void delta_begin(struct delta_writer *d, struct wbuf *w, uint8_t owner, uint64_t epoch, uint64_t from, uint64_t base);
/* false, and nothing written, where the record does not fit any more. */
bool delta_add(struct delta_writer *d, struct wbuf *w, const struct pair_record *r);
void delta_end(struct delta_writer *d, struct wbuf *w, uint64_t to);

#endif
