/* The configuration between its text and the plan: blocks by kind, and what each came to.
 *
 *     collection ─▶ blocks of a kind ─▶ nodes, hosts, checks ─▶ services (pool and own keys, members) ─▶ plan
 *      collect.c       load.c            node.c member.c check.c   service.c                              plan.c
 */
#ifndef GEMEL_CONF_INTERNAL_H
#define GEMEL_CONF_INTERNAL_H
#include "base/table.h"
#include "conf/collect.h"
#include "conf/conf.h"
#include "conf/fields.h"
#include "script/script.h"

#define CONF_NO_ZONE UINT32_MAX
#define CONF_ANSWER_MAX 256 /* addresses in one answer, as the answer room bounds them */

/* For tables and digests of what the operator wrote: not strangers, so a fixed key will do, and twins agree. */
extern const struct hash_key conf_plain_key;

struct conf_blocks { /* of one kind, in the order of the file; named ones also by name */
	struct conf_block **list;
	size_t count;
	struct table by_name; /* → what the kind makes of it (struct conf_host …), or the block */
};

struct conf_host {
	const char *name, *site;
	struct addr *addrs;
	size_t count;
};

struct conf_script {
	struct conf_script *next;
	const char *name, *file; /* as configured; as found */
	char *text;              /* heap */
	size_t len;
	struct script *script;   /* NULL where it does not compile (told) */
	const struct script_arg_spec *args;
	size_t arg_count;
	bool declared;
	uint32_t index;          /* in the plan; UINT32_MAX until it is used */
};

struct conf_pem { /* a file that a check names */
	struct conf_pem *next;
	const char *name; /* as configured */
	char *text;       /* heap; NULL where it could not be read (told) */
	size_t len;
	uint32_t index;   /* in the plan; UINT32_MAX until it is used */
};

struct conf_arg {
	const char *name;
	const struct conf_value *value;
};

struct conf_check { /* a named one, or an inline table */
	struct conf_check *next; /* of all */
	const char *name;  /* for people: the check's, or the script's */
	const struct conf_value *at;
	bool named, missing_told;
	bool used;         /* by a service, or as the base of another */
	struct conf_script *script; /* NULL where it is faulty (told) */
	struct conf_arg *args;      /* ascending name, right in type */
	size_t arg_count;
	struct health_timing timing;
	struct fields fields;
};

struct conf_service;
struct conf_needs { /* services that a service, or a member, needs */
	struct conf_service **list;
	uint8_t count;
};

struct conf_probe { /* what one node probes */
	const char *node;
	struct addr addr;
};

struct conf_member {
	struct addr addr;
	struct addr probe; /* by this node; family 0 = the address itself */
	const struct conf_probe *probe_by; /* where nodes differ, of all that were named; ascending node */
	uint16_t probe_count;
	uint8_t tier;
	bool drain;
	uint16_t weight;
	uint32_t capacity; /* 0 = none */
	const char *host, *site;
	const struct conf_value *at, *weight_at, *capacity_at; /* the latter: NULL where none was given */
	const struct conf_value *needs_at;       /* likewise */
	struct conf_needs needs;
};

struct conf_members {
	struct conf_member *list; /* heap while it grows */
	size_t count, cap;
	bool failed; /* out of memory */
};

struct conf_service {
	const struct conf_block *block;
	const struct conf_value *pool; /* its pool's table; NULL = none */
	const char *name;
	const uint8_t *owner;
	uint32_t zone;       /* index, or CONF_NO_ZONE */
	struct fields keys;  /* its own, else its pool's */
	bool faulty, tiered; /* tiered: the member list is the configuration's, else the zone's */
	bool absent;         /* its zone has no content */
	struct conf_check **checks;
	uint16_t check_count, check_need;
	struct conf_member *members;
	uint16_t member_count;
	uint8_t tier_count;
	uint16_t need, answer_n;
	uint8_t need_pct, all_down;
	uint16_t removals;   /* as in struct plan_service */
	uint8_t removals_pct;
	struct addr *fallback;
	uint16_t fallback_count;
	uint32_t ttl_record_s; /* the record's; 0 = none known */
	uint32_t ttl_min_s, ttl_max_s;
	uint32_t failback_ms; /* as in struct policy_service */
	struct conf_needs needs;
	uint8_t rank, visited; /* needs.c */
	uint32_t index;        /* in the plan; UINT32_MAX = it is not in it */
	uint32_t load;
	struct conf_service *next_in_zone;
};

struct conf_window { /* maintenance */
	const struct conf_block *block;
	struct fields keys;
	const char **what;                 /* canonical selectors */
	const struct conf_value **what_at;
	uint16_t what_count;
	uint64_t from_ms, to_ms;
	const char *cron;                  /* NULL: once */
	struct calendar_cron when;
	uint64_t lasts_ms;
};

struct conf_zone {
	const char *name, *file;
	const uint8_t *apex;
	uint8_t apex_len;
	const struct conf_block *block;
	struct conf_service *services;
	uint32_t service_count;
};

struct conf {
	struct arena arena;
	struct collection collection;
	struct diags *d;   /* of the call that runs */
	struct table told; /* faults told already: a pool's would come once a service */
	bool failed;       /* out of memory */
	const char *file, *dir, *abs_dir;
	struct conf_blocks kinds[CONF_KINDS];
	struct fields pair_fields;
	struct plan_limits limits;
	const struct conf_block *pair_block, *limits_block;
	struct plan_node *nodes;
	struct fields *node_fields;
	size_t node_count;
	int self; /* index, or -1 */
	struct plan_pair pair;
	struct plan_admin admin;
	const char *pair_key_file;
	struct conf_zone *zones;
	size_t zone_count;
	struct table zone_by_apex, service_by_owner;
	struct conf_service *services;
	size_t service_count;
	struct conf_window *windows;
	size_t window_count;
	struct conf_script *scripts;
	struct conf_check *checks; /* all, the last one first */
	struct conf_pem *pems;
	size_t pem_count;
};

/* ---- telling (load.c) ---- */
/* An error or a warning at v's own line; the same one is told once. */
void conf_fault(struct conf *c, const struct conf_value *v, const char *fmt, ...) PRINTF_LIKE(3, 4);
void conf_warning(struct conf *c, const struct conf_value *v, const char *fmt, ...) PRINTF_LIKE(3, 4);
void conf_unbuilt(struct conf *c, const struct conf_value *v, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "service "www.example.test"", "pair". Returns out. */
#define CONF_TITLE_MAX 160
const char *conf_block_title(const struct conf_block *b, char out[CONF_TITLE_MAX]);
/* The name nearest to name among the blocks of a kind; NULL = none. */
const char *conf_near_name(struct conf *c, enum conf_kind kind, const char *name);

/* Enters a named block's result under its name; a name that is there already is a fault. */
void conf_name_add(struct conf *c, const struct conf_block *b, void *value);

/* ---- memory: NULL sets c->failed, and conf_load ends with ERR_NOMEM ---- */
void *conf_alloc(struct conf *c, size_t n, size_t size) MUST_CHECK;
const char *conf_join(struct conf *c, const char *path) MUST_CHECK;     /* from the configuration's folder */
const char *conf_join_abs(struct conf *c, const char *path) MUST_CHECK; /* made absolute */

/* A file with a secret, whole; what is wrong with it is told at v, and given back. *text is the caller's to wipe and to free. */
struct conf_secret {
	const char *what, *path, *expected; /* what: "key" */
	size_t max;
};
int conf_secret_read(struct conf *c, const struct conf_value *v, const struct conf_secret *s, char **text, size_t *len) MUST_CHECK;

/* ---- the stages, in this order ---- */
void conf_build_limits(struct conf *c);               /* limits.c */
void conf_build_nodes(struct conf *c);                /* node.c */
void conf_build_pair(struct conf *c);                 /* pair.c */
void conf_choose_node(struct conf *c, const char *name);
void conf_build_admin(struct conf *c); /* of that node (admin.c) */
void conf_build_zones(struct conf *c);                /* zones.c */
void conf_build_hosts(struct conf *c);                /* member.c */
void conf_build_checks(struct conf *c);               /* check.c */
void conf_build_services(struct conf *c);             /* service.c */
void conf_build_needs(struct conf *c);                /* needs.c */
void conf_build_maintenance(struct conf *c);          /* maintenance.c */
void conf_check_quorum(struct conf *c);               /* pair.c; after the services */

/* ---- parts ---- */
/* What a member's `probe` says; v may be NULL. */
void conf_probe_read(struct conf *c, const struct conf_value *v, struct conf_member *m); /* probe.c */
/* A list of blocks that the schema passed, or otherwise, where v is NULL: so many of loopback and then private networks. */
enum conf_nets { CONF_LOOPBACK = 2, CONF_PRIVATE = 6 };
struct addr_block *conf_blocks_read(struct conf *c, const struct conf_value *v, enum conf_nets otherwise, uint16_t *count);
/* Reads one member value (address, host, site:NAME, table) and adds what it stands for. */
void conf_member_add(struct conf *c, struct conf_members *out, const struct conf_value *v, uint8_t tier);
void conf_members_push(struct conf *c, struct conf_members *out, const struct conf_member *m);
/* The check of a service: a named one, or one built from an inline table. NULL where it is faulty (told). */
struct conf_check *conf_check_find(struct conf *c, const struct conf_value *v);
/* Tells of arguments that named checks lack which nobody uses; of others the planner tells. */
void conf_checks_unused(struct conf *c);
void conf_check_fault_missing(struct conf *c, const struct conf_check *k, const struct script_arg_spec *spec);
void conf_scripts_free(struct conf *c);
/* ---- pem.c ---- */
/* Reads the file that v, a string, names, once; false, and told, where it is not what type (SCRIPT_ARG_CERTIFICATES or
 * SCRIPT_ARG_KEY) says. */
bool conf_pem_ok(struct conf *c, const struct conf_value *v, unsigned type);
struct conf_pem *conf_pem_get(const struct conf *c, const char *name); /* NULL where no check names it */
void conf_pems_free(struct conf *c);
/* ---- hook.c ---- */
void conf_hook_read(struct conf *c, const struct conf_value *v, struct plan_hook *h); /* v NULL = none */
void conf_hook_check(struct conf *c); /* of the chosen node: is its program there? */
const char *conf_hook_kind(const struct plan_hook *h, size_t i); /* its i-th kind; NULL behind the last */
struct conf_script *conf_script_find(struct conf *c, const struct conf_value *v, const char *name);
/* Zone that owner (lower-case wire) falls into, or CONF_NO_ZONE. */
uint32_t conf_zone_of(const struct conf *c, const uint8_t *owner);
/* Members of a service without tiers, as its zone has them. */
void conf_service_set_members(struct conf *c, struct conf_service *s, struct conf_members *m);
/* Tells faults that need the final member list (need, weights …). False where there were some. */
bool conf_service_finish(struct conf *c, struct conf_service *s);

#endif
