#include "tests/lib/answer_kit.h"
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/message.h"

const struct hash_key kit_key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

/* ---- zones ---- */

static void parse_owner(uint8_t out[NAME_WIRE_MAX], const char *text, size_t len)
{
	ck_assert_int_gt(name_parse(out, text, len, NULL, true), 0);
}

static void mark_live(struct zone *z, const char *owners)
{
	while (owners && *owners) {
		uint8_t owner[NAME_WIRE_MAX];
		size_t n = strcspn(owners, " ");
		parse_owner(owner, owners, n);
		ck_assert_int_eq(zone_mark_live(z, owner, 60), 0);
		owners += n + (owners[n] == ' ');
	}
}

static void show_faults(const struct diags *d)
{
	char line[2000];

	for (size_t i = 0; i < d->count; i++) {
		diag_format(&d->list[i], line, sizeof line);
		fprintf(stderr, "%s\n", line);
	}
}

void kit_add_zone(struct image_builder *b, const struct kit_zone *kz, struct diags *d)
{
	uint8_t apex[NAME_WIRE_MAX];
	struct zone *z;

	parse_owner(apex, kz->apex, strlen(kz->apex));
	ck_assert_int_eq(zone_new(&z, apex, &kit_key), 0);
	int e = zone_parse(z, kz->apex, kz->text, strlen(kz->text), NULL, NULL, d);
	if (e)
		show_faults(d);
	ck_assert_int_eq(e, 0);
	mark_live(z, kz->live);
	e = zone_check(z, d);
	if (e)
		show_faults(d);
	ck_assert_int_eq(e, 0);
	ck_assert_int_eq(image_add_zone(b, z, 1, d), 0);
	zone_free(z);
}

void kit_init(struct kit *k, const struct kit_zone *zones, size_t count)
{
	const uint8_t *data;
	size_t len;

	memset(k, 0, sizeof *k);
	diags_init(&k->diags);
	ck_assert_int_eq(image_builder_new(&k->builder, &kit_key), 0);
	for (size_t i = 0; i < count; i++)
		kit_add_zone(k->builder, &zones[i], &k->diags);
	ck_assert_int_eq(image_finish(k->builder, &data, &len), 0);
	ck_assert_int_eq(image_open(&k->image, data, len), 0);
	ck_assert_int_eq(answer_db_new(&k->db, &k->image, 1, NULL, 0), 0);
	k->worker.turn = calloc(answer_db_slots(k->db) + 1, sizeof *k->worker.turn);
	ck_assert_ptr_nonnull(k->worker.turn);
	k->worker.rng[0] = 1;
	k->limits.udp_edns_max = DNS_UDP_EDNS_MAX;
}

void kit_deinit(struct kit *k)
{
	free(k->worker.turn);
	answer_db_free(k->db);
	image_builder_free(k->builder);
	diags_deinit(&k->diags);
}

/* ---- live sets ---- */

static size_t parse_members(struct answer_member *m, const char *text)
{
	size_t n = 0;

	while (*text) {
		struct addr a;
		size_t len = strcspn(text, " *");
		ck_assert_int_eq(addr_parse(&a, text, len, 0), 0);
		ck_assert_uint_lt(n, ANSWER_MEMBERS_MAX);
		memcpy(m[n].ip, a.ip, sizeof a.ip);
		text += len;
		m[n++].weight = *text == '*' ? (uint16_t)strtoul(text + 1, (char **)&text, 10) : 1;
		text += *text == ' ';
	}
	return n;
}

void kit_publish(struct kit *k, const char *owner, uint16_t type, const char *members, enum answer_pick pick,
		 unsigned answer_n, uint32_t ttl_s)
{
	struct answer_member m[ANSWER_MEMBERS_MAX];
	uint8_t name[NAME_WIRE_MAX];
	struct answer_live *l = NULL;

	parse_owner(name, owner, strlen(owner));
	int64_t slot = answer_db_slot(k->db, name, type);
	ck_assert_int_ge(slot, 0);
	if (members) {
		struct answer_set s = { .owner = name, .type = type, .ttl_s = ttl_s, .pick = (uint8_t)pick,
			.answer_n = (uint16_t)answer_n, .count = (uint16_t)parse_members(m, members), .members = m };
		ck_assert_int_eq(answer_live_new(&l, &s), 0);
	}
	answer_live_free(answer_db_swap(k->db, (size_t)slot, l));
}

/* ---- questions ---- */

static unsigned word_number(const char *word, const char *key, unsigned otherwise)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 ? (unsigned)strtoul(word + n, NULL, 0) : otherwise;
}

/* "10:2464c4…" */
static void add_option(struct wbuf *w, const char *text)
{
	char *hex;
	unsigned long code = strtoul(text, &hex, 10);
	ck_assert_int_eq(*hex++, ':');
	put_u16(w, (uint16_t)code);
	put_u16(w, (uint16_t)(strlen(hex) / 2));
	for (; *hex; hex += 2) {
		char octet[3] = { hex[0], hex[1], 0 };
		put_u8(w, (uint8_t)strtoul(octet, NULL, 16));
	}
}

size_t kit_question(const char *line, uint8_t out[512], struct answer_from *from)
{
	char copy[2 * NAME_TEXT_MAX], *save;
	uint8_t name[NAME_WIRE_MAX];
	unsigned edns = 0, version = 0, class = DNS_CLASS_IN, opcode = 0, flags = 0;
	bool do_bit = false, none = false;
	uint8_t room[300];
	struct wbuf w, options;

	snprintf(copy, sizeof copy, "%s", line);
	char *owner = strtok_r(copy, " ", &save), *type = strtok_r(NULL, " ", &save);
	ck_assert(owner && type);
	int len = name_parse(name, owner, strlen(owner), NULL, false);
	ck_assert_msg(len > 0, "bad name in %s", line);
	from->transport = ANSWER_UDP;
	wbuf_init(&options, room, sizeof room);
	for (char *word; (word = strtok_r(NULL, " ", &save)) != NULL;) {
		edns = word_number(word, "edns=", edns);
		version = word_number(word, "version=", version);
		opcode = word_number(word, "opcode=", opcode);
		flags |= strcmp(word, "rd") == 0 ? DNS_FLAG_RD : 0u;
		do_bit |= strcmp(word, "do") == 0;
		none |= strcmp(word, "none") == 0;
		flags |= strcmp(word, "ad") == 0 ? 0x20u : strcmp(word, "cd") == 0 ? 0x10u : 0u;
		if (strcmp(word, "nsid") == 0)
			add_option(&options, "3:");
		if (strncmp(word, "opt=", 4) == 0)
			add_option(&options, word + 4);
		if (strcmp(word, "tcp") == 0)
			from->transport = ANSWER_TCP;
		if (strncmp(word, "class=", 6) == 0)
			class = ldns_get_rr_class_by_name(word + 6);
	}
	wbuf_init(&w, out, 512);
	put_u16(&w, 0x1234);
	put_u16(&w, (uint16_t)(opcode << 11 | flags));
	put_u16(&w, none ? 0 : 1);
	put_u32(&w, 0);
	put_u16(&w, edns ? 1 : 0);
	if (!none) {
		put_bytes(&w, name, (size_t)len);
		put_u16(&w, (uint16_t)ldns_get_rr_type_by_name(type));
		put_u16(&w, (uint16_t)class);
	}
	if (edns) {
		put_u8(&w, 0);
		put_u16(&w, DNS_TYPE_OPT);
		put_u16(&w, (uint16_t)edns);
		put_u32(&w, version << 16 | (do_bit ? DNS_EDNS_DO : 0));
		put_block(&w, room, options.len);
	}
	ck_assert(!w.failed && !options.failed);
	return w.len;
}

/* ---- answers as text ---- */

static void add(struct kit *k, const char *fmt, ...)
{
	size_t n = strlen(k->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->text + n, sizeof k->text - n, fmt, ap);
	va_end(ap);
}

static void add_records(struct kit *k, const char *section, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i)), *save, *word;
		ck_assert_ptr_nonnull(line);
		add(k, "\n%s", section);
		for (word = strtok_r(line, "\t\n ", &save); word; word = strtok_r(NULL, "\t\n ", &save))
			if (strcmp(word, "IN") != 0 && *word != ';' )
				add(k, " %s", word);
		free(line);
	}
}

static void add_opt(struct kit *k, ldns_pkt *p)
{
	ldns_rdf *data = ldns_pkt_edns_data(p);
	struct rbuf r;

	if (!ldns_pkt_edns(p))
		return;
	add(k, "\nopt %u%s", ldns_pkt_edns_udp_size(p), ldns_pkt_edns_do(p) ? " do" : "");
	rbuf_init(&r, data ? ldns_rdf_data(data) : NULL, data ? ldns_rdf_size(data) : 0);
	while (rbuf_left(&r)) {
		size_t len;
		uint16_t code = get_u16(&r);
		const uint8_t *o = get_block(&r, &len);
		ck_assert(!r.failed);
		if (code == DNS_OPTION_EDE) {
			add(k, " ede=%u", load_u16(o));
			continue;
		}
		add(k, code == DNS_OPTION_NSID ? " nsid=" : " option%u=", code);
		for (size_t i = 0; i < len; i++)
			add(k, "%02x", o[i]);
	}
}

static const char *rcode_text(unsigned rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					     "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					     "NXRRSET", "NOTAUTH" };

	return rcode < sizeof names / sizeof *names ? names[rcode] : rcode == DNS_RCODE_BADVERS ? "BADVERS" :
	       rcode == DNS_RCODE_BADCOOKIE ? "BADCOOKIE" : "OTHER";
}

static void decode(struct kit *k)
{
	ldns_pkt *p;

	ck_assert_int_eq(ldns_wire2pkt(&p, k->wire, k->wire_len), LDNS_STATUS_OK);
	unsigned rcode = (unsigned)ldns_pkt_get_rcode(p) | (unsigned)ldns_pkt_edns_extended_rcode(p) << 4;
	*k->text = 0;
	ck_assert(ldns_pkt_qr(p));
	add(k, "%s%s%s%s%s%s%s", rcode_text(rcode), ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "",
	    ldns_pkt_rd(p) ? " rd" : "", ldns_pkt_ra(p) ? " ra" : "", ldns_pkt_ad(p) ? " ad" : "",
	    ldns_pkt_cd(p) ? " cd" : "");
	add_records(k, "an", ldns_pkt_answer(p));
	add_records(k, "ns", ldns_pkt_authority(p));
	add_records(k, "ar", ldns_pkt_additional(p));
	add_opt(k, p);
	ldns_pkt_free(p);
}

const char *kit_ask_wire(struct kit *k, const uint8_t *in, size_t len, enum answer_transport t)
{
	size_t cap = t == ANSWER_TCP ? sizeof k->wire : DNS_UDP_EDNS_MAX;
	uint8_t *exact = malloc(cap); /* so that a sanitizer sees one octet too much */

	ck_assert_ptr_nonnull(exact);
	k->from.transport = t;
	enum answer_outcome o =
		answer_query(k->db, &k->worker, &k->limits, &k->from, in, len, exact, cap, &k->wire_len);
	if (o == ANSWER_SEND) {
		memcpy(k->wire, exact, k->wire_len);
		ck_assert_msg(message_is_sound(in, len, k->wire, k->wire_len), "the message is broken");
		decode(k);
	} else {
		snprintf(k->text, sizeof k->text, "%s", o == ANSWER_COLD ? "cold" : "nothing");
	}
	free(exact);
	return k->text;
}

const char *kit_ask(struct kit *k, const char *line)
{
	uint8_t in[512];
	size_t len = kit_question(line, in, &k->from);

	return kit_ask_wire(k, in, len, k->from.transport);
}
