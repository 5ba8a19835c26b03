/* Every key of the configuration in one table: its type, bounds, default, and whether the work behind it is built yet.
 *
 * To add an option: a line here, and its reader. A key or word whose work is not built draws a warning that says what
 * has no effect; flip it here when it is.
 */
#ifndef GEMEL_CONF_SCHEMA_H
#define GEMEL_CONF_SCHEMA_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_NONE = 0,
	SCHEMA_STRING,   /* min..max octets */
	SCHEMA_INTEGER,  /* min..max */
	SCHEMA_BOOLEAN,
	SCHEMA_DURATION, /* min..max ms: a number of seconds, or text such as "200ms" */
	SCHEMA_WORD,     /* one of words */
	SCHEMA_ADDRESS,  /* text of an address; min = 1: with a port */
	SCHEMA_ADDRESSES,/* one or a list of at most max; min = 1: with ports */
	SCHEMA_BLOCKS,   /* one or a list of at most max address blocks */
	SCHEMA_TABLE,    /* its reader knows */
	SCHEMA_OTHER     /* its reader knows, tables or not */
};

struct schema_word {
	const char *name;
	int value;           /* what the plan calls it; never 0 */
	const char *unbuilt; /* NULL = built; else what happens instead */
};

struct schema_key {
	const char *name;
	enum schema_type type;
	int64_t min, max;
	const char *fallback; /* the default, as it would be written; NULL = none */
	const struct schema_word *words;
	const char *expected; /* for messages, where the type does not say it */
	const char *unbuilt;  /* NULL = built; else what has no effect */
	bool required;
	bool empty; /* of a list: none at all is an answer, too */
	bool port;  /* of addresses: a port may stand behind them */
};

enum schema_block {
	SCHEMA_NODE = 1, SCHEMA_PAIR, SCHEMA_ZONE, SCHEMA_LIMITS, SCHEMA_CHECK, SCHEMA_CHECK_INLINE, SCHEMA_HOST,
	SCHEMA_SERVICE,
	SCHEMA_MEMBER, SCHEMA_TTL, SCHEMA_RRL, SCHEMA_TCP, SCHEMA_MAINTENANCE, SCHEMA_ON_EVENT, SCHEMA_FLAP, SCHEMA_QUORUM,
	SCHEMA_BLOCKS_END
};
/* Places in struct fields, in the order of the table in schema.c. */
enum { NODE_ID, NODE_LISTEN, NODE_PEER, NODE_CANARIES, NODE_HTTP, NODE_HTTP_FROM, NODE_CONTROL, NODE_STATE,
      NODE_WORKERS, NODE_USER,
       NODE_STATUS_FROM, NODE_PROBE_SOURCE, NODE_NSID, NODE_ON_EVENT, NODE_HTTP_ADMIN,
       NODE_LOG, NODE_LOG_LEVEL, NODE_QUERY_LOG, NODE_DNSTAP, NODE_WEIGHT, NODE_KEYS };
enum { PAIR_NAME, PAIR_KEY, PAIR_INTERVAL, PAIR_AGREE, PAIR_SHARE, PAIR_QUORUM_RULE, PAIR_ISOLATED_RULE, PAIR_KEYS };
enum { QUORUM_ABOVE, QUORUM_LEAST, QUORUM_KEYS };
enum { ZONE_FILE, ZONE_KEYS };
enum { LIMITS_RRL, LIMITS_TCP, LIMITS_EDNS, LIMITS_COOKIES, LIMITS_PROBES, LIMITS_PROBES_PER_TARGET, LIMITS_CLIENT_SUBNET_FROM,
      LIMITS_KEYS };
enum { RRL_RATE, RRL_SLIP, RRL_WINDOW, RRL_EXEMPT, RRL_TABLE, RRL_KEYS };
enum { TCP_CONNECTIONS, TCP_PER_SOURCE, TCP_IDLE, TCP_KEYS };
enum { CHECK_SCRIPT, CHECK_ARGS, CHECK_INTERVAL, CHECK_TIMEOUT, CHECK_FALL, CHECK_RISE, CHECK_RETRY, CHECK_FLAP, CHECK_USE,
      CHECK_KEYS };
enum { FLAP_SUPPRESS, FLAP_REUSE, FLAP_HALF_LIFE, FLAP_KEYS };
enum { HOST_SITE, HOST_KEYS };
enum { SERVICE_CHECK, SERVICE_TIERS, SERVICE_NEED, SERVICE_ANSWER, SERVICE_PICK, SERVICE_ALL_DOWN, SERVICE_COUPLE,
      SERVICE_FAILBACK,
       SERVICE_SLOW_START, SERVICE_LOAD, SERVICE_TTL, SERVICE_AGREE, SERVICE_INITIAL, SERVICE_REMOVALS, SERVICE_POOL, SERVICE_NEEDS,
       SERVICE_KEYS };
enum { MEMBER_WEIGHT, MEMBER_CAPACITY, MEMBER_PROBE, MEMBER_DRAIN, MEMBER_NEEDS, MEMBER_KEYS };
enum { TTL_MIN, TTL_MAX, TTL_KEYS };
enum { MAINTENANCE_WHAT, MAINTENANCE_FROM, MAINTENANCE_TO, MAINTENANCE_CRON, MAINTENANCE_LASTS, MAINTENANCE_STATE, MAINTENANCE_KEYS };
enum { ON_EVENT_TIMEOUT, ON_EVENT_RATE, ON_EVENT_KINDS, ON_EVENT_KEYS };
#define SCHEMA_KEYS_MAX 24

const struct schema_key *conf_schema_keys(enum schema_block b, size_t *n);
const char *conf_schema_block_text(enum schema_block b); /* for "a key of …" */
int conf_schema_find(enum schema_block b, const char *name); /* place, or -1 */
const char *conf_schema_near(enum schema_block b, const char *name); /* NULL = nothing near */
const struct schema_word *conf_schema_word_find(const struct schema_word *words, const char *name);
const char *conf_schema_word_near(const struct schema_word *words, const char *name);

#endif
