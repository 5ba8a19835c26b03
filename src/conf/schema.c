/* See schema.h. */
#include "conf/schema.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "core/notice.h"
#include "core/plan.h"
#include "pair/pair.h"

#define MS_MIN 10              /* of any interval: less is a slip of the unit */
#define MS_DAY 86400000
#define TTL_MAX_MS 2147483647000 /* RFC 2181 8 */

static const struct schema_word words_agree[] = {
	{"any-up", POLICY_AGREE_ANY_UP, NULL},
	{"any-down", POLICY_AGREE_ANY_DOWN, NULL},
	{"quorum", POLICY_AGREE_QUORUM, NULL},
	{"local", POLICY_AGREE_LOCAL, NULL},
	{NULL, 0, NULL}};
static const struct schema_word words_isolated[] = {
	{"answer", PLAN_ISOLATED_ANSWER, NULL},
	{"servfail", PLAN_ISOLATED_SERVFAIL, NULL},
	{NULL, 0, NULL}};
static const struct schema_word words_pick[] = {
	{"rotate", POLICY_PICK_ROTATE, NULL},
	{"random", POLICY_PICK_RANDOM, NULL},
	{"weighted", POLICY_PICK_WEIGHTED, NULL},
	{"sticky", POLICY_PICK_STICKY, NULL},
	{NULL, 0, NULL}};
static const struct schema_word words_all_down[] = {
	{"first", POLICY_ALL_DOWN_FIRST, NULL},
	{"all", POLICY_ALL_DOWN_ALL, NULL},
	{"last", POLICY_ALL_DOWN_LAST, NULL},
	{"none", POLICY_ALL_DOWN_NONE, NULL},
	{NULL, 0, NULL}};
static const struct schema_word words_cookies[] = {
	{"on", PLAN_COOKIES_ON, NULL},
	{"strict", PLAN_COOKIES_STRICT, NULL},
	{"off", PLAN_COOKIES_OFF, NULL},
	{NULL, 0, NULL}};
static const struct schema_word words_kinds[] = {
	{"verdict", CORE_NOTICE_VERDICT, NULL},
	{"answer", CORE_NOTICE_ANSWER, NULL},
	{"override", CORE_NOTICE_OVERRIDE, NULL},
	{"link", CORE_NOTICE_LINK, NULL},
	{"network", CORE_NOTICE_NETWORK, NULL},
	{"prober", CORE_NOTICE_PROBER, NULL},
	{"node", CORE_NOTICE_NODE, NULL},
	{"check", CORE_NOTICE_CHECK, NULL},
	{"canary", CORE_NOTICE_CANARY, NULL},
	{"window", CORE_NOTICE_WINDOW, NULL},
	{"alarm", CORE_NOTICE_ALARM, NULL},
	{"hook", CORE_NOTICE_HOOK, NULL},
	{"flap", CORE_NOTICE_FLAP, NULL},
	{"removals", CORE_NOTICE_REMOVALS, NULL},
	{NULL, 0, NULL}};
#define MOMENT_EXPECTED "a time of UTC such as \"2026-12-01 22:00\" or \"2026-12-01T22:00:00Z\""
static const struct schema_word words_state[] = {{"drain", POLICY_FORCE_DRAIN, NULL}, {"down", POLICY_FORCE_DOWN, NULL}, {NULL, 0, NULL}};
static const struct schema_word words_initial[] = {{"up", 1, NULL}, {"down", 2, NULL}, {NULL, 0, NULL}};

static const struct schema_word words_log[] = {{"text", LOG_TEXT, NULL}, {"json", LOG_JSON, NULL}, {"syslog", LOG_SYSLOG, NULL}, {NULL, 0, NULL}};
static const struct schema_word words_log_level[] = {
	{"error", LOG_LEVEL_ERROR, NULL},
	{"warning", LOG_LEVEL_WARNING, NULL},
	{"notice", LOG_LEVEL_NOTICE, NULL},
	{"info", LOG_LEVEL_INFO, NULL},
	{"debug", LOG_LEVEL_DEBUG, NULL},
	{NULL, 0, NULL}};

static const struct schema_key keys_node[] = {
	[NODE_ID] = {.name = "id", .type = SCHEMA_INTEGER, .min = 1, .max = 254},
	[NODE_LISTEN] = {.name = "listen", .type = SCHEMA_ADDRESSES, .max = PLAN_ADDRS_MAX, .empty = true, .port = true,
			 .expected = "addresses such as \"192.0.2.53\", \"127.0.0.1:5301\" or \"[::1]:5301\""},
	[NODE_PEER] = {.name = "peer", .type = SCHEMA_ADDRESSES, .min = 1, .max = PLAN_PEER_ADDRS_MAX, .port = true,
		       .expected = "one or two ADDRESS:PORT"},
	[NODE_CANARIES] = {.name = "canaries", .type = SCHEMA_ADDRESSES, .max = PLAN_ADDRS_MAX, .port = true,
			   .expected = "ADDRESS:PORT for TCP or ADDRESS for ping"},
	[NODE_HTTP] = {.name = "http", .type = SCHEMA_ADDRESS, .min = 1, .port = true, .expected = "ADDRESS:PORT"},
	[NODE_HTTP_FROM] = {.name = "http_from", .type = SCHEMA_BLOCKS, .max = PLAN_ADDRS_MAX},
	[NODE_CONTROL] = {.name = "control", .type = SCHEMA_STRING, .min = 1, .max = 1024,
			  .expected = "the path of a socket"},
	[NODE_STATE] = {.name = "state", .type = SCHEMA_STRING, .min = 1, .max = 1024,
			.expected = "the path of a folder"},
	[NODE_WORKERS] = {.name = "workers", .type = SCHEMA_INTEGER, .min = 1, .max = 256},
	[NODE_USER] = {.name = "user", .type = SCHEMA_STRING, .min = 1, .max = 32, .fallback = "gemel",
		       .expected = "the name of a user"},
	[NODE_STATUS_FROM] = {.name = "status_from", .type = SCHEMA_BLOCKS, .max = PLAN_ADDRS_MAX},
	[NODE_PROBE_SOURCE] = {.name = "probe_source", .type = SCHEMA_ADDRESSES, .max = 2,
			       .expected = "an address without a port, or one of each family"},
	[NODE_NSID] = {.name = "nsid", .type = SCHEMA_STRING, .min = 1, .max = 128,
		       .expected = "text of 1 to 128 octets"},
	[NODE_ON_EVENT] = {.name = "on_event", .type = SCHEMA_OTHER,
			   .expected = "a program's path, or a table such as { \"/usr/local/bin/notify\", timeout = \"5s\" }"},
	[NODE_HTTP_ADMIN] = {.name = "http_admin", .type = SCHEMA_STRING, .min = 1, .max = 1024, .expected = "the path of a token file"},
	[NODE_LOG] = {.name = "log", .type = SCHEMA_WORD, .words = words_log},
	[NODE_LOG_LEVEL] = {.name = "log_level", .type = SCHEMA_WORD, .words = words_log_level},
	[NODE_QUERY_LOG] = {.name = "query_log", .type = SCHEMA_INTEGER, .min = 1, .max = PLAN_SAMPLE_MAX},
	[NODE_WEIGHT] = {.name = "weight", .type = SCHEMA_INTEGER, .min = 0, .max = PLAN_VOTE_MAX, .fallback = "1"},
	[NODE_DNSTAP] = {.name = "dnstap", .type = SCHEMA_STRING, .min = 1, .max = 1024, .expected = "the path of a socket"},
};
static const struct schema_key keys_pair[] = {
	[PAIR_NAME] = {.name = "name", .type = SCHEMA_STRING, .min = 1, .max = 64, .required = true,
		       .expected = "a name of 1 to 64 octets, the same on both twins"},
	[PAIR_KEY] = {.name = "key", .type = SCHEMA_STRING, .min = 1, .max = 1024, .required = true,
		      .expected = "the path of a key file"},
	[PAIR_INTERVAL] = {.name = "interval", .type = SCHEMA_DURATION, .min = 100, .max = 1000, .fallback = "200ms"},
	[PAIR_AGREE] = {.name = "agree", .type = SCHEMA_WORD, .words = words_agree, .fallback = "any-up"},
	[PAIR_SHARE] = {.name = "share", .type = SCHEMA_BOOLEAN, .fallback = "false"},
	[PAIR_ISOLATED_RULE] = {.name = "isolated", .type = SCHEMA_WORD, .words = words_isolated, .fallback = "answer"},
	[PAIR_QUORUM_RULE] = {.name = "quorum", .type = SCHEMA_TABLE, .expected = "a table such as { above = \"50%\", least = 2 }"},
};
static const struct schema_key keys_quorum[] = {
	[QUORUM_ABOVE] = {.name = "above", .type = SCHEMA_STRING, .min = 2, .max = 3, .fallback = "50%", .expected = "a share from \"1%\" to \"99%\""},
	[QUORUM_LEAST] = {.name = "least", .type = SCHEMA_INTEGER, .min = 1, .max = PLAN_VOTE_MAX * PAIR_NODES_MAX, .fallback = "1"},
};
static const struct schema_key keys_zone[] = {
	[ZONE_FILE] = {.name = "file", .type = SCHEMA_STRING, .min = 1, .max = 1024, .required = true,
		       .expected = "the path of a zone file"},
};
static const struct schema_key keys_limits[] = {
	[LIMITS_RRL] = {.name = "rrl", .type = SCHEMA_OTHER,
			.expected = "false, responses per second from 1 to 1000000, or a table such as { rate = 500 }"},
	[LIMITS_TCP] = {.name = "tcp", .type = SCHEMA_OTHER,
			.expected = "connections from 1 to 65535, or a table such as { connections = 256 }"},
	[LIMITS_EDNS] = {.name = "edns", .type = SCHEMA_INTEGER, .min = 512, .max = 4096, .fallback = "1232"},
	[LIMITS_PROBES] = {.name = "probes", .type = SCHEMA_INTEGER, .min = 1, .max = 16384, .fallback = "8192"},
	[LIMITS_PROBES_PER_TARGET] = {.name = "probes_per_target", .type = SCHEMA_INTEGER, .min = 1, .max = 16384,
				      .fallback = "64"},
	[LIMITS_COOKIES] = {.name = "cookies", .type = SCHEMA_WORD, .words = words_cookies, .fallback = "on"},
	[LIMITS_CLIENT_SUBNET_FROM] = {.name = "client_subnet_from", .type = SCHEMA_BLOCKS, .max = PLAN_ADDRS_MAX, .empty = true},
};
static const struct schema_key keys_rrl[] = {
	[RRL_RATE] = {.name = "rate", .type = SCHEMA_INTEGER, .min = 1, .max = 1000000, .fallback = "500"},
	[RRL_SLIP] = {.name = "slip", .type = SCHEMA_INTEGER, .min = 0, .max = 10, .fallback = "2"},
	[RRL_WINDOW] = {.name = "window", .type = SCHEMA_DURATION, .min = 1000, .max = 3600000, .fallback = "15s"},
	[RRL_EXEMPT] = {.name = "exempt", .type = SCHEMA_BLOCKS, .max = PLAN_ADDRS_MAX, .empty = true},
	[RRL_TABLE] = {.name = "table", .type = SCHEMA_INTEGER, .min = 1024, .max = 1048576, .fallback = "65536"},
};
static const struct schema_key keys_tcp[] = {
	[TCP_CONNECTIONS] = {.name = "connections", .type = SCHEMA_INTEGER, .min = 1, .max = 65535, .fallback = "256"},
	[TCP_PER_SOURCE] = {.name = "per_source", .type = SCHEMA_INTEGER, .min = 1, .max = 65535},
	[TCP_IDLE] = {.name = "idle", .type = SCHEMA_DURATION, .min = 1000, .max = 3600000, .fallback = "30s"},
};
/* One list for both: CHECK_USE only counts in a service's inline table. */
static const struct schema_key keys_check[] = {
	[CHECK_SCRIPT] = {.name = "script", .type = SCHEMA_STRING, .min = 1, .max = 1024,
			  .expected = "a bundled check such as \"http\", or the path of a .lua file"},
	[CHECK_ARGS] = {.name = "args", .type = SCHEMA_TABLE, .expected = "a table of the script's arguments"},
	[CHECK_INTERVAL] = {.name = "interval", .type = SCHEMA_DURATION, .min = 100, .max = MS_DAY, .fallback = "5s"},
	[CHECK_TIMEOUT] = {.name = "timeout", .type = SCHEMA_DURATION, .min = MS_MIN, .max = 600000, .fallback = "2s"},
	[CHECK_FALL] = {.name = "fall", .type = SCHEMA_INTEGER, .min = 1, .max = 100, .fallback = "3"},
	[CHECK_RISE] = {.name = "rise", .type = SCHEMA_INTEGER, .min = 1, .max = 100, .fallback = "2"},
	[CHECK_RETRY] = {.name = "retry", .type = SCHEMA_DURATION, .min = MS_MIN, .max = MS_DAY},
	[CHECK_FLAP] = {.name = "flap", .type = SCHEMA_OTHER, .fallback = "false",
			.expected = "true, false, or a table such as { suppress = 3000, reuse = 750 }"},
	[CHECK_USE] = {.name = "use", .type = SCHEMA_STRING, .min = 1, .max = 256, .expected = "the name of a check"},
};
static const struct schema_key keys_flap[] = {
	[FLAP_SUPPRESS] = {.name = "suppress", .type = SCHEMA_INTEGER, .min = HEALTH_FLAP_CHANGE, .max = HEALTH_FLAP_SUPPRESS_MAX,
			   .fallback = "3000"},
	[FLAP_REUSE] = {.name = "reuse", .type = SCHEMA_INTEGER, .min = 1, .max = HEALTH_FLAP_SUPPRESS_MAX, .fallback = "750"},
	[FLAP_HALF_LIFE] = {.name = "half_life", .type = SCHEMA_DURATION, .min = HEALTH_FLAP_HALF_LIFE_MIN_MS,
			    .max = HEALTH_FLAP_HALF_LIFE_MAX_MS, .fallback = "1m"},
};
static const struct schema_key keys_host[] = {
	[HOST_SITE] = {.name = "site", .type = SCHEMA_STRING, .min = 1, .max = 64, .expected = "the name of a site"},
};
#define NEEDS_EXPECTED "the name of a service, or a list of at most 16"
_Static_assert(PLAN_NEEDS_MAX == 16, "as it says");
static const struct schema_key keys_service[] = {
	[SERVICE_CHECK] = {.name = "check", .type = SCHEMA_OTHER,
			   .expected = "the name of a check, a table, or all{…} any{…} atleast(k,{…}) of them"},
	[SERVICE_TIERS] = {.name = "tiers", .type = SCHEMA_TABLE,
			   .expected = "a list of tiers, each a list of members"},
	[SERVICE_NEED] = {.name = "need", .type = SCHEMA_OTHER, .min = 1, .max = POLICY_MEMBERS_MAX, .fallback = "1",
			  .expected = "a number of members from 1, or a share such as \"50%\""},
	[SERVICE_ANSWER] = {.name = "answer", .type = SCHEMA_OTHER, .min = 1, .max = 256, .fallback = "all",
			    .expected = "\"all\" or a number of addresses from 1 to 256"},
	[SERVICE_PICK] = {.name = "pick", .type = SCHEMA_WORD, .words = words_pick, .fallback = "rotate"},
	[SERVICE_ALL_DOWN] = {.name = "all_down", .type = SCHEMA_OTHER, .words = words_all_down, .fallback = "first",
			      .expected = "\"first\", \"all\", \"last\", \"none\" or a list of addresses"},
	[SERVICE_COUPLE] = {.name = "couple", .type = SCHEMA_BOOLEAN, .fallback = "false"},
	[SERVICE_FAILBACK] = {.name = "failback", .type = SCHEMA_OTHER, .max = MS_DAY, .fallback = "auto",
			      .expected = "\"auto\", \"manual\" or a duration such as \"1m\""},
	[SERVICE_SLOW_START] = {.name = "slow_start", .type = SCHEMA_DURATION, .max = MS_DAY, .fallback = "0s"},
	[SERVICE_LOAD] = {.name = "load", .type = SCHEMA_INTEGER, .min = 1, .max = POLICY_LOAD_MAX},
	[SERVICE_TTL] = {.name = "ttl", .type = SCHEMA_TABLE, .expected = "{ min = …, max = … }"},
	[SERVICE_AGREE] = {.name = "agree", .type = SCHEMA_WORD, .words = words_agree},
	[SERVICE_INITIAL] = {.name = "initial", .type = SCHEMA_WORD, .words = words_initial, .fallback = "up"},
	[SERVICE_REMOVALS] = {.name = "removals", .type = SCHEMA_OTHER, .min = 1, .max = POLICY_MEMBERS_MAX, .fallback = "any",
			      .expected = "\"any\", a number of members from 1, or a share such as \"25%\""},
	[SERVICE_POOL] = {.name = "pool", .type = SCHEMA_STRING, .min = 1, .max = 256,
			  .expected = "the name of a pool"},
	[SERVICE_NEEDS] = {.name = "needs", .type = SCHEMA_OTHER, .expected = NEEDS_EXPECTED},
};
static const struct schema_key keys_member[] = {
	[MEMBER_WEIGHT] = {.name = "weight", .type = SCHEMA_INTEGER, .min = 1, .max = 65535, .fallback = "1"},
	[MEMBER_CAPACITY] = {.name = "capacity", .type = SCHEMA_INTEGER, .min = 1, .max = POLICY_CAPACITY_MAX},
	[MEMBER_PROBE] = {.name = "probe", .type = SCHEMA_OTHER, .port = true,
			  .expected = "ADDRESS or ADDRESS:PORT, or a table of them by node name"},
	[MEMBER_DRAIN] = {.name = "drain", .type = SCHEMA_BOOLEAN, .fallback = "false"},
	[MEMBER_NEEDS] = {.name = "needs", .type = SCHEMA_OTHER, .expected = NEEDS_EXPECTED},
};
static const struct schema_key keys_ttl[] = {
	[TTL_MIN] = {.name = "min", .type = SCHEMA_DURATION, .max = TTL_MAX_MS, .fallback = "10s",
		     .expected = "whole seconds from 0"},
	[TTL_MAX] = {.name = "max", .type = SCHEMA_DURATION, .max = TTL_MAX_MS, .expected = "whole seconds from 0"},
};
static const struct schema_key keys_on_event[] = {
	[ON_EVENT_TIMEOUT] = {.name = "timeout", .type = SCHEMA_DURATION, .min = 100, .max = 60000, .fallback = "5s"},
	[ON_EVENT_RATE] = {.name = "rate", .type = SCHEMA_INTEGER, .min = 1, .max = 6000, .fallback = "60"},
	[ON_EVENT_KINDS] = {.name = "kinds", .type = SCHEMA_OTHER, .words = words_kinds,
			    .expected = "a kind of event, or a list of them such as { \"answer\", \"alarm\" }"},
};

static const struct schema_key keys_maintenance[] = {
	[MAINTENANCE_WHAT] = {.name = "what", .type = SCHEMA_OTHER, .required = true,
			      .expected = "an address, host, site:NAME, service, SERVICE/ADDRESS or glob, or a list of them"},
	[MAINTENANCE_FROM] = {.name = "from", .type = SCHEMA_STRING, .max = 64, .expected = MOMENT_EXPECTED},
	[MAINTENANCE_TO] = {.name = "to", .type = SCHEMA_STRING, .max = 64, .expected = MOMENT_EXPECTED},
	[MAINTENANCE_CRON] = {.name = "cron", .type = SCHEMA_STRING, .max = 200,
			      .expected = "minute hour day month weekday, such as \"0 3 * * 0\""},
	[MAINTENANCE_LASTS] = {.name = "lasts", .type = SCHEMA_DURATION, .min = 1000, .max = PLAN_WINDOW_MAX_MS},
	[MAINTENANCE_STATE] = {.name = "state", .type = SCHEMA_WORD, .words = words_state, .fallback = "drain"},
};

static const struct {
	const char *name;
	const struct schema_key *keys;
	size_t count;
} blocks[SCHEMA_BLOCKS_END] = {
	[SCHEMA_NODE] = {"node", keys_node, NODE_KEYS},
	[SCHEMA_PAIR] = {"pair", keys_pair, PAIR_KEYS},
	[SCHEMA_ZONE] = {"zone", keys_zone, ZONE_KEYS},
	[SCHEMA_LIMITS] = {"limits", keys_limits, LIMITS_KEYS},
	[SCHEMA_RRL] = {"rrl", keys_rrl, RRL_KEYS},
	[SCHEMA_TCP] = {"tcp", keys_tcp, TCP_KEYS},
	[SCHEMA_CHECK] = {"check", keys_check, CHECK_USE},
	[SCHEMA_CHECK_INLINE] = {"check", keys_check, CHECK_KEYS},
	[SCHEMA_FLAP] = {"flap", keys_flap, FLAP_KEYS},
	[SCHEMA_QUORUM] = {"quorum", keys_quorum, QUORUM_KEYS},
	[SCHEMA_HOST] = {"host", keys_host, HOST_KEYS},
	[SCHEMA_SERVICE] = {"service", keys_service, SERVICE_KEYS},
	[SCHEMA_MEMBER] = {"a member", keys_member, MEMBER_KEYS},
	[SCHEMA_TTL] = {"ttl", keys_ttl, TTL_KEYS},
	[SCHEMA_MAINTENANCE] = {"maintenance", keys_maintenance, MAINTENANCE_KEYS},
	[SCHEMA_ON_EVENT] = {"on_event", keys_on_event, ON_EVENT_KEYS},
};

const struct schema_key *conf_schema_keys(enum schema_block b, size_t *n)
{
	*n = blocks[b].count;
	return blocks[b].keys;
}

const char *conf_schema_block_text(enum schema_block b)
{
	return blocks[b].name;
}

int conf_schema_find(enum schema_block b, const char *name)
{
	for (size_t i = 0; i < blocks[b].count; i++)
		if (!strcmp(blocks[b].keys[i].name, name))
			return (int)i;
	return -1;
}

const char *conf_schema_near(enum schema_block b, const char *name)
{
	const char *names[SCHEMA_KEYS_MAX];

	for (size_t i = 0; i < blocks[b].count; i++)
		names[i] = blocks[b].keys[i].name;
	return text_nearest(name, names, blocks[b].count);
}

const struct schema_word *conf_schema_word_find(const struct schema_word *w, const char *name)
{
	for (; w && w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

const char *conf_schema_word_near(const struct schema_word *words, const char *name)
{
	const char *names[16];
	size_t n = 0;

	for (; words[n].name && n < 16; n++)
		names[n] = words[n].name;
	return text_nearest(name, names, n);
}
