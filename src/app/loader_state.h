/* Inside app/loader*: what it works on.
 *
 *     loader.c        asked, reads, builds, hands over
 *     loader_send.c   what it tells the supervisor
 */
#ifndef GEMEL_APP_LOADER_STATE_H
#define GEMEL_APP_LOADER_STATE_H
#include "app/imageset.h"
#include "app/loader.h"
#include "base/diag.h"
#include "conf/conf.h"
#include "io/memfd.h"
#include "ipc/ipc.h"

struct loader {
	int channel;
	const char *file, *node;
	uint64_t generation;
	struct imageset set;
	void *snapshot; /* memory of its images */
	struct conf *conf;
	struct plan *plan;
	struct diags faults, zone_faults; /* of the configuration; of zones */
	bool worn;                        /* build every zone anew */
	struct answer_zone_ref *refs;     /* one a zone: where it is served from */
	size_t zone_count;
	struct image_builder *builder;
	struct memfd_room room; /* that it builds in */
	uint32_t built;         /* zones in it */
	bool from_snapshot;
	bool unsaved; /* the snapshot is not what is served now */
	uint64_t began_ms, told_ms; /* progress */
	size_t loaded, records;     /* zones; records read of them */
};

/* ---- loader_send.c: each sends one thing; 0 or an err ---- */
int loader_send_plain(struct loader *l, enum ipc_type t);    /* a message that says all by its type */
int loader_send_diags(struct loader *l, const struct diags *d);
int loader_send_site(struct loader *l);                      /* the node's listen addresses and the like */
int loader_send_images(struct loader *l);                    /* those that are served, each once */
int loader_send_zones(struct loader *l);                     /* where each zone is */
int loader_send_plan(struct loader *l);                      /* and that a runner is needed */
int loader_send_done(struct loader *l, uint8_t status);      /* the last */
void loader_tell_progress(struct loader *l, size_t records); /* for who waits, now and then; records: of the zone being read */
void loader_on_progress(void *ctx, size_t records);          /* the same, as a callback; ctx: struct loader */
#endif
