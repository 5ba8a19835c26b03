/* The configuration: one Lua file, the same on every node → the plan, and the zones with the names that are live in
 * them.
 *
 *     conf_load ──▶ for each zone: conf_zone_read → conf_zone_compile ──────────▶ conf_plan ──▶ struct plan
 *       faults        or, where it did not change: conf_zone_from_image              │
 *                     or, where there is nothing:  conf_zone_absent                  └─▶ conf_print (JSON)
 *
 * The zones come first because a service without tiers has the addresses that its zone holds at the name. Every fault
 * is told as "file:line: what; what was expected; did you mean …", all in one run: faults of the configuration raise
 * the errors of the diags given to conf_load and conf_plan (it is then refused whole), faults of a zone those given to
 * conf_zone_*.
 */
#ifndef GEMEL_CONF_CONF_H
#define GEMEL_CONF_CONF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/diag.h"
#include "base/hash.h"
#include "core/plan.h"
#include "zone/image.h"
#include "zone/zone.h"

#define CONF_ZONES_MAX 1000000
#define CONF_TTL_TIERED_S 60 /* of a name that has tiers and no record of its own */

struct conf;

/* Reads and checks FILE and the scripts it names; node = NULL takes the host name up to the first dot, or the only
 * block there is. Returns 0 when there is something to go on with, faulty or not (d tells), ERR_FORMAT when the file
 * could not be read or run, ERR_NOMEM. The configuration must not be used when d has errors but for finding more faults
 * in its zones. */
int conf_load(struct conf **c, const char *file, const char *node, struct diags *d) MUST_CHECK;
void conf_free(struct conf *c);
uint64_t conf_text_digest(const struct conf *c); /* of the configuration file and all that it includes */
/* Tells each private key of a check that fits none of its certificates; fits says whether one does (io's tls_key_fits). After
 * conf_load. */
struct script_pem;
typedef bool (*conf_key_fits)(const struct script_pem *cert, const struct script_pem *key);
void conf_check_keys(struct conf *c, conf_key_fits fits, struct diags *d);

struct conf_zone_view {
	const char *name;    /* as text, no final dot */
	const uint8_t *apex; /* lower-case wire */
	const char *file;    /* path to open; relative to the working directory where the configuration's was */
	uint32_t services;   /* names in it that are live */
};
size_t conf_zones(const struct conf *c);
void conf_zone_get(const struct conf *c, size_t i, struct conf_zone_view *out);

/* The text of a zone's file, and a digest of all that its image is made from: the file, what it includes, and its
 * services. */
struct conf_include;
struct conf_zone_text {
	char *text;
	size_t len;
	uint64_t digest;
	uint64_t stamp; /* see conf_zone_stamp */
	struct conf_include *includes;
	size_t include_count;
	/* NULL, or called now and then while a large zone is compiled: how many records it has so far. */
	void (*progress)(void *ctx, size_t records);
	void *ctx;
};
/* ERR_FORMAT (told in d), ERR_NOMEM. conf_zone_text_deinit frees the text; a zone compiled from it must be freed
 * before. */
int conf_zone_read(struct conf *c, size_t i, struct conf_zone_text *t, struct diags *d) MUST_CHECK;
void conf_zone_text_deinit(struct conf_zone_text *t);
/* The stamp that conf_zone_read would give, found without reading: where it is the one of an earlier reading, file and
 * services are as they were then. 0 = only reading can tell; so it is for a zone that includes files. */
uint64_t conf_zone_stamp(const struct conf *c, size_t i);
/* Parses and checks the zone with its services marked live, and takes their members from it. The text is good for nothing
 * but deinit then. *z is the caller's to free. ERR_FORMAT (told in d), ERR_NOMEM. */
int conf_zone_compile(struct conf *c, size_t i, struct conf_zone_text *t, const struct hash_key *key, struct zone **z,
		      struct diags *d) MUST_CHECK;
/* Takes what the services need of zone i from an image that holds it (an unchanged zone, or the old version of a broken
 * one). A service that the image does not know keeps its configured tiers, or has no members. */
void conf_zone_from_image(struct conf *c, size_t i, const struct image *im, uint32_t zone);
/* The zone has no content at all: its services without tiers are left out of the plan. */
void conf_zone_absent(struct conf *c, size_t i);

/* The plan, to be freed by the caller. ERR_FORMAT (told in d), ERR_NOMEM. Call once, after every zone. */
int conf_plan(struct conf *c, uint64_t generation, struct plan **p, struct diags *d) MUST_CHECK;
/* Warns of each path on which probes go out and nobody would witness that our own network is lost. p is conf_plan's. */
void conf_warn_unwitnessed(struct conf *c, const struct plan *p, struct diags *d);
/* The node that this process is; NULL where none was found. Borrowed from c. */
const struct plan_node *conf_node(const struct conf *c);
/* The pair's key file; NULL where there is no pair. Borrowed from c. */
const char *conf_key_file(const struct conf *c);
/* The expanded configuration as JSON. p is conf_plan's. */
int conf_print(const struct conf *c, const struct plan *p, struct bytes *out) MUST_CHECK;

#endif
