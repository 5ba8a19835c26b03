/* The pair block, its key file, and what the nodes need when there is one. See internal.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/internal.h"
#include "pair/pair.h"

#define KEY_FILE_MAX 4096
#define KEY_EXPECTED "expected 64 hex digits, mode 0600, as \"gemelctl key new FILE\" writes"
#define KEY_TEXT_LEN (2 * PLAN_KEY_LEN)

static int hex_digit(char ch)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)ch));

	return at && ch ? (int)(at - digits) : -1;
}

static bool decode_key(const char *text, size_t len, uint8_t key[PLAN_KEY_LEN])
{
	if (len != KEY_TEXT_LEN)
		return false;
	for (size_t i = 0; i < PLAN_KEY_LEN; i++) {
		int hi = hex_digit(text[2 * i]), lo = hex_digit(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		key[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* A key a line, blank lines passed over. How many there are: 1 or 2; 0 where something else stands there. */
static size_t decode_keys(const char *text, uint8_t keys[PAIR_KEYS_MAX][PLAN_KEY_LEN])
{
	size_t count = 0;

	while (*text) {
		const char *end = text + strcspn(text, "\n");
		size_t len = (size_t)(end - text);

		while (len && isspace((unsigned char)text[len - 1]))
			len--;
		if (len && (count == PAIR_KEYS_MAX || !decode_key(text, len, keys[count++])))
			return 0;
		text = *end ? end + 1 : end;
	}
	return count;
}

static void take_keys(struct conf *c, const struct conf_value *v, const char *path, const char *text, size_t len)
{
	uint8_t keys[PAIR_KEYS_MAX][PLAN_KEY_LEN];
	size_t count = strlen(text) == len ? decode_keys(text, keys) : 0;

	if (!count) {
		conf_fault(c, v, "the key file %s holds no key (%zu octets); " KEY_EXPECTED, path, len);
	} else if (count > 1 && pair_key_id(keys[0]) == pair_key_id(keys[1])) {
		conf_fault(c, v, "the keys of %s have the same id, %02x; expected a fresh second one, as \"gemelctl key "
			   "new FILE\" writes", path, pair_key_id(keys[0]));
	} else {
		memcpy(c->pair.key, keys[0], sizeof c->pair.key);
		c->pair.has_other = count > 1;
		if (c->pair.has_other)
			memcpy(c->pair.other_key, keys[1], sizeof c->pair.other_key);
	}
	explicit_bzero(keys, sizeof keys);
}

static void read_key(struct conf *c, const struct conf_value *v)
{
	const char *path = conf_join(c, v->string.s);
	char *text;
	size_t len;

	c->pair_key_file = path;
	if (!path || conf_secret_read(c, v, &(struct conf_secret){"key", path, KEY_EXPECTED, KEY_FILE_MAX}, &text, &len))
		return;
	take_keys(c, v, path, text, len);
	explicit_bzero(text, len);
	free(text);
}

/* With a pair, every node has an id and an address for its twin. */
static void check_nodes(struct conf *c)
{
	for (size_t i = 0; i < c->node_count; i++) {
		const struct conf_value *table = &c->kinds[CONF_NODE].list[i]->table;

		if (table->type != CONF_TABLE)
			continue;
		if (!conf_value_field(table, "id"))
			conf_fault(c, table,
				   "node \"%s\" has no \"id\"; expected a number from 1 to 254, since there is a pair",
				   c->nodes[i].name);
		if (!conf_value_field(table, "peer"))
			conf_fault(c, table,
				   "node \"%s\" has no \"peer\"; expected the ADDRESS:PORT at which its twin reaches "
				   "it, since there is a pair",
				   c->nodes[i].name);
	}
}

/* Somebody must answer; and who left the key out may have meant to listen everywhere. */
static void check_witnesses(struct conf *c)
{
	size_t listening = 0;

	for (size_t i = 0; i < c->node_count; i++) {
		const struct conf_value *table = &c->kinds[CONF_NODE].list[i]->table;

		listening += c->nodes[i].listen_count > 0;
		if (table->type == CONF_TABLE && !c->nodes[i].listen_count && !c->node_fields[i].v[NODE_LISTEN])
			conf_warning(c, table,
				     "node \"%s\" has no \"listen\" and is a witness: it probes and votes, and answers no "
				     "DNS; expected listen = {} to say so, or addresses",
				     c->nodes[i].name);
	}
	if (c->node_count && !listening)
		conf_fault(c, &c->pair_block->table, "no node answers DNS; expected \"listen\" in at least one of them");
}

static void check_peers(struct conf *c)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->node_count; i++)
		for (size_t j = 0; j < i; j++)
			for (uint8_t a = 0; a < c->nodes[i].peer_count; a++)
				for (uint8_t b = 0; b < c->nodes[j].peer_count; b++)
					if (addr_equal(&c->nodes[i].peer[a], &c->nodes[j].peer[b]))
						conf_fault(c, c->node_fields[i].v[NODE_PEER],
							   "peer %s is node \"%s\"'s already; expected an address of "
							   "its own",
							   addr_format(&c->nodes[i].peer[a], true, text),
							   c->nodes[j].name);
}

/* Without a pair nobody hears what a witness sees. */
static void check_alone(struct conf *c)
{
	for (size_t i = 0; i < c->node_count; i++) {
		const struct conf_value *listen = c->node_fields[i].v[NODE_LISTEN];

		if (listen && listen->type == CONF_TABLE && !listen->table.list_len)
			conf_fault(c, listen, "node \"%s\" listens nowhere, and there is no pair that it could be a witness of",
				   c->nodes[i].name);
	}
}

static void read_quorum(struct conf *c, const struct conf_value *v)
{
	struct fields f = {.schema = SCHEMA_QUORUM};
	uint64_t pct = PAIR_QUORUM_ABOVE_PCT;
	unsigned all = 0;
	char text[4] = "";

	if (v && v->type == CONF_TABLE)
		conf_fields_check(c, SCHEMA_QUORUM, v, false, &f);
	if (f.v[QUORUM_ABOVE]) {
		const char *above = f.v[QUORUM_ABOVE]->string.s;
		size_t len = strlen(above);

		if (len > 1 && len < sizeof text && above[len - 1] == '%')
			memcpy(text, above, len - 1);
		if (text_parse_u64(&pct, text, 1, 99))
			conf_fields_fault(c, SCHEMA_QUORUM, QUORUM_ABOVE, f.v[QUORUM_ABOVE]);
	}
	c->pair.quorum_pct = (uint8_t)pct;
	c->pair.quorum_least = (uint16_t)conf_fields_integer(&f, QUORUM_LEAST);
	for (size_t i = 0; i < c->node_count; i++)
		all += c->nodes[i].weight;
	if (v && c->node_count && c->pair.quorum_least > all)
		conf_fault(c, f.v[QUORUM_LEAST] ? f.v[QUORUM_LEAST] : v, "\"least\" is %u, more than the nodes weigh together (%u): nothing "
			   "would ever be decided; expected less", c->pair.quorum_least, all);
}

/* What nobody goes by was meant otherwise. After the services: each may have its own rule. */
void conf_check_quorum(struct conf *c)
{
	bool used = c->pair.agree == POLICY_AGREE_QUORUM;

	for (size_t i = 0; i < c->service_count && !used; i++)
		used = conf_fields_word(&c->services[i].keys, SERVICE_AGREE) == POLICY_AGREE_QUORUM;
	if (used && c->pair.present) {
		unsigned all = 0;
		for (size_t i = 0; i < c->node_count; i++)
			all += c->nodes[i].weight;
		if (all == 0 && !c->pair_fields.v[PAIR_QUORUM_RULE])
			conf_fault(c, c->node_fields[0].v[NODE_WEIGHT], "no node weighs anything: nothing would ever be decided by agree = \"quorum\"; "
				   "expected a \"weight\" of at least 1 somewhere");
		return;
	}
	if (c->pair_fields.v[PAIR_QUORUM_RULE])
		conf_fault(c, c->pair_fields.v[PAIR_QUORUM_RULE], "\"quorum\", and nothing is decided by one; expected agree = \"quorum\" in the "
			   "pair or a service");
	for (size_t i = 0; i < c->node_count; i++)
		if (c->node_fields[i].v[NODE_WEIGHT])
			conf_fault(c, c->node_fields[i].v[NODE_WEIGHT], "\"weight\" of a node, and nothing is decided by a quorum; expected agree = "
				   "\"quorum\" in the pair or a service");
}

void conf_build_pair(struct conf *c)
{
	struct fields *f = &c->pair_fields;

	f->schema = SCHEMA_PAIR;
	if (!c->pair_block)
		check_alone(c);
	if (!c->pair_block || c->pair_block->table.type != CONF_TABLE)
		return;
	conf_fields_check(c, SCHEMA_PAIR, &c->pair_block->table, false, f);
	c->pair.present = true;
	c->pair.name = conf_fields_string(f, PAIR_NAME);
	c->pair.interval_ms = (uint32_t)conf_fields_ms(f, PAIR_INTERVAL);
	c->pair.agree = (uint8_t)conf_fields_word(f, PAIR_AGREE);
	c->pair.share = conf_fields_boolean(f, PAIR_SHARE);
	c->pair.isolated = (uint8_t)conf_fields_word(f, PAIR_ISOLATED_RULE);
	if (c->pair.share && c->pair.agree == POLICY_AGREE_LOCAL)
		conf_fault(c, f->v[PAIR_SHARE], "\"share\" with agree = \"local\"; expected another agree, or no \"share\": a node that "
			   "goes by its own verdicts alone has to look for itself");
	read_quorum(c, f->v[PAIR_QUORUM_RULE]);
	if (f->v[PAIR_KEY])
		read_key(c, f->v[PAIR_KEY]);
	check_nodes(c);
	check_peers(c);
	check_witnesses(c);
	if (c->node_count == 1)
		conf_warning(c, &c->pair_block->table,
			     "a pair with a single node; expected a second node block for the twin");
	if (c->node_count > PAIR_NODES_MAX)
		conf_fault(c, &c->pair_block->table, "a pair of %zu nodes; expected at most %d", c->node_count,
			   PAIR_NODES_MAX);
}
