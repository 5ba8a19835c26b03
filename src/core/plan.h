/* The plan: a configuration, expanded and typed, as every process needs it.  conf/ fills it, plan_encode carries it in one
 * block from the loader to the others, and nobody changes it after.  Everything it points to lives in its arena.
 *
 *     service ──member──▶ check ──▶ stream (probe address × script × arguments) ◀── shared by all services that ask the same
 */
#ifndef GEMEL_CORE_PLAN_H
#define GEMEL_CORE_PLAN_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/calendar.h"
#include "health/health.h"
#include "policy/policy.h"

/* Bounds, so that a decoded plan is known to be sane. */
#define PLAN_NODES_MAX 254
#define PLAN_ADDRS_MAX 64       /* listen addresses of a node */
#define PLAN_PEER_ADDRS_MAX 2
#define PLAN_SCRIPTS_MAX 4096
#define PLAN_STREAMS_MAX 1000000
#define PLAN_SERVICES_MAX 1000000
#define PLAN_SCRIPT_TEXT_MAX 262144
#define PLAN_FILES_MAX 4096
#define PLAN_FILE_LEN_MAX 524288 /* twice the bundle of CAs of a distribution */
#define PLAN_CHECK_STREAMS_MAX 16
#define PLAN_KEY_LEN 32
#define PLAN_HOOK_WORDS_MAX 16   /* the program and its arguments */
#define PLAN_HOOK_LEN_MAX 4096   /* their octets */
#define PLAN_WINDOWS_MAX 1024
#define PLAN_WINDOW_WHAT_MAX 64
#define PLAN_WINDOW_MAX_MS (366 * 86400000ull) /* of one opening: what lasts longer is no maintenance */
#define PLAN_NEEDS_MAX 16   /* services in one list of needs */
#define PLAN_NEEDS_DEPTH 32 /* services in a chain of needs: each is decided behind what it needs, rank by rank */
#define PLAN_RRL_TABLE_MAX 1048576 /* accounts: 16 MiB a worker */

struct plan_hook { /* the program that is told of events */
	const char *argv; /* strings, each with its NUL: an absolute path, then arguments; NULL = none */
	uint16_t argv_len;
	uint32_t timeout_ms, per_minute; /* at least 1 */
	uint32_t kinds; /* bits of enum core_notice_kind */
};
#define PLAN_VOTE_MAX 100 /* a node's weight; seven of these stay far below what pair/vote.c multiplies */
#define PLAN_SAMPLE_MAX 1000000u /* fewer than one query of a million tell nothing */
struct plan_node {
	const char *name;
	uint8_t id; /* 1..254; 0 where there is no pair */
	const struct addr *listen; uint16_t listen_count;
	const struct addr *peer; uint8_t peer_count;
	const struct addr *canaries; uint16_t canary_count; /* port 0 = ping */
	const struct addr_block *status_from; uint16_t status_from_count;
	struct addr probe_source[2]; /* IPv4, IPv6; family 0 = the system chooses */
	struct addr http; /* family 0 = off */
	const struct addr_block *http_from; uint16_t http_from_count;
	const char *control, *state, *user; /* paths as written, made absolute from the configuration's folder */
	const char *nsid;                   /* NULL = none */
	uint16_t workers;                   /* 0 = one per CPU */
	uint8_t weight;                     /* of its vote, where a quorum decides; at most PLAN_VOTE_MAX, 0 = it does not count */
	uint8_t log_form, log_level;        /* enum log_form, log_level; 0 = as it was started */
	uint32_t query_log;                 /* a line for one query of so many, at most PLAN_SAMPLE_MAX; 0 = off */
	const char *dnstap;                 /* path of a socket, as those above; NULL = none */
	struct plan_hook hook;
};
enum plan_isolated { PLAN_ISOLATED_ANSWER = 1, PLAN_ISOLATED_SERVFAIL };
struct plan_pair {
	bool present;
	const char *name;
	uint8_t key[PLAN_KEY_LEN];
	bool has_other; /* a second key is accepted too: keys are being changed */
	uint8_t other_key[PLAN_KEY_LEN];
	uint32_t interval_ms;
	uint8_t agree; /* enum policy_agree, never POLICY_AGREE_PAIR */
	bool share;    /* twins look at targets by turns; never with POLICY_AGREE_LOCAL */
	uint8_t isolated;      /* enum plan_isolated: what services answer while nobody answers us */
	uint8_t quorum_pct;    /* POLICY_AGREE_QUORUM: down where more than this share of the weight says so; 1–99 */
	uint16_t quorum_least; /* and this much of it says something; at least 1. Without a pair, too */
};
#define PLAN_TOKEN_MAX 128
struct plan_admin { /* who may change things over HTTP, at this node: secret, as the keys are */
	uint8_t token_len; /* 0 = nobody may */
	char token[PLAN_TOKEN_MAX]; /* zeros behind it */
};
struct plan_rrl { /* response rate limiting */
	uint32_t per_s; /* of the node; 0 = off, and the rest means nothing */
	uint32_t window_ms;
	uint32_t table; /* accounts */
	uint16_t slip;  /* 0 = never */
	const struct addr_block *exempt; uint16_t exempt_count; /* at most PLAN_ADDRS_MAX */
};
enum plan_cookies { PLAN_COOKIES_ON = 1, PLAN_COOKIES_STRICT, PLAN_COOKIES_OFF };
struct plan_limits {
	struct plan_rrl rrl;
	uint16_t udp_edns_max;
	uint16_t tcp_max, tcp_per_source; /* connections, in all and from one network; at least 1 */
	uint32_t tcp_idle_ms;
	uint8_t cookies; /* enum plan_cookies */
	const struct addr_block *subnet_from; uint16_t subnet_from_count; /* whose client subnets count; at most PLAN_ADDRS_MAX */
	uint32_t probes_max, probes_per_target; /* in flight; at least 1 */
};
struct plan_script {
	const char *name; /* as configured: "tcp", or a path */
	const char *file; /* for messages */
	const char *text; uint32_t text_len;
	bool plugins;     /* its probes may run plugins */
};
struct plan_file { /* certificates or a key, in PEM, that a check names: secret, never logged or written */
	const char *data; uint32_t len;
};
enum plan_arg_kind { PLAN_ARG_STRING = 1, PLAN_ARG_INTEGER, PLAN_ARG_NUMBER, PLAN_ARG_BOOLEAN, PLAN_ARG_CERTIFICATES, PLAN_ARG_KEY };
struct plan_arg {
	const char *name;
	uint8_t kind;
	const char *string; /* of a file: its name as written */
	uint32_t file;      /* index, of the last two kinds */
	int64_t integer; double number; bool boolean;
};
struct plan_stream {
	uint64_t key;        /* names it across restarts and twins: hash of address, script, arguments, check timing apart */
	struct addr addr;    /* probed address; port 0 unless the member's probe gave one */
	uint32_t script;     /* index */
	const struct plan_arg *args; uint16_t arg_count; /* ascending name */
	struct health_timing timing;
	const char *check;   /* the check's name, for people */
	const char *owner;   /* of the first service that uses it */
	const char *host;    /* NULL = none */
	bool canary;         /* of the own node: nobody's member, a witness of our network */
};
struct plan_check { /* up when at least `need` of the streams are */
	uint16_t need, count;
	uint32_t streams[PLAN_CHECK_STREAMS_MAX];
};
struct plan_needs { /* services, by index, without which a member counts as down */
	const uint32_t *services;
	uint8_t count;
};
struct plan_service {
	const char *name;     /* owner as text, no final dot */
	const uint8_t *owner; /* lower-case wire */
	struct policy_service policy; /* members and all */
	const struct plan_check *checks; /* one a member, same order */
	const char *const *hosts;        /* one a member, NULL = none */
	const char *const *sites;        /* likewise: of its host */
	uint8_t agree;        /* enum policy_agree; POLICY_AGREE_PAIR = the pair's */
	struct plan_needs needs;               /* of every member */
	const struct plan_needs *member_needs; /* one a member on top of those, same order; NULL = none has its own */
	uint16_t removals;    /* members that verdicts may take out within a minute; both 0 = any number */
	uint8_t removals_pct; /* or so many percent of those not drained, rounded up */
	const char *file; unsigned line; /* where it was configured */
};
struct plan_window { /* maintenance: takes members out while it is open */
	const char *name;
	const char *const *what; uint16_t what_count; /* canonical selectors (core/selector.h); at least one */
	uint8_t force;           /* enum policy_force: DRAIN or DOWN */
	uint64_t from_ms, to_ms; /* UTC, where it opens once: cron is NULL then */
	const char *cron;        /* as written */
	struct calendar_cron when; uint64_t lasts_ms;
	const char *file; unsigned line;
};
struct plan {
	struct arena arena;
	uint64_t generation;
	uint64_t digest; /* of everything that twins must share (not the node's own block) */
	const char *file;
	uint16_t self;   /* index into nodes */
	const struct plan_node *nodes; uint16_t node_count;
	struct plan_pair pair;
	struct plan_admin admin;
	const struct plan_file *files; uint32_t file_count;
	const struct plan_script *scripts; uint32_t script_count;
	const struct plan_stream *streams; uint32_t stream_count;
	const struct plan_service *services; uint32_t service_count;
	const struct plan_window *windows; uint16_t window_count; /* in the order of the configuration: of two the first goes first */
	struct plan_limits limits;
};

struct plan *plan_new(void) MUST_CHECK; /* NULL = out of memory */
void plan_free(struct plan *p);
/* Wipes the pair's keys, in whose place zeros stand, and the token: for who needs a plan and talks to no twin. */
void plan_forget_keys(struct plan *p);
/* What twins must have in common to decide alike, by part; equal parts have equal digests on every node. */
enum plan_part {
	PLAN_PART_NONE = 0,
	PLAN_PART_PAIR,    /* the pair block, names and ids of the nodes, whose client subnets count */
	PLAN_PART_CHECKS,  /* scripts, and when each target is probed and judged */
	PLAN_PART_WINDOWS,
	PLAN_PART_SERVICES,
	PLAN_PARTS
};
uint64_t plan_part_digest(const struct plan *p, enum plan_part part);
uint64_t plan_service_digest(const struct plan *p, const struct plan_service *s);
uint64_t plan_digest(const struct plan *p); /* of all parts */
const char *plan_part_text(enum plan_part part);
/* The length of the chain of needs behind each service, below PLAN_NEEDS_DEPTH, into rank (one a service). ERR_FORMAT where one is
 * longer or goes round in a circle. */
int plan_ranks(const struct plan *p, uint8_t *rank) MUST_CHECK;
/* The whole plan as bytes, and back. Decoding checks every count and index; ERR_FORMAT, ERR_LIMIT, ERR_VERSION, ERR_NOMEM. */
int plan_encode(struct bytes *out, const struct plan *p) MUST_CHECK;
int plan_decode(struct plan **p, const void *data, size_t len) MUST_CHECK;
/* One node block alone: what the supervisor must open. Strings and lists go to the arena; r->failed or ERR_NOMEM. */
void plan_node_put(struct bytes *out, const struct plan_node *n);
int plan_node_get(struct rbuf *r, struct arena *a, struct plan_node *n) MUST_CHECK;
/* The limits alone, likewise. */
void plan_limits_put(struct bytes *out, const struct plan_limits *l);
int plan_limits_get(struct rbuf *r, struct arena *a, struct plan_limits *l) MUST_CHECK;

#endif
