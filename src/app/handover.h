/* What one gemeld hands to the next when it is upgraded: a memfd that says which descriptor is what, beside the descriptors
 * themselves, which stay open across exec under their numbers.
 *
 *     "GEMH" | version u16 | type u8, len u32, payload | type, len, payload | … | HANDOVER_END, 0
 *
 * It is read by another version than the one that wrote it. So: a record of an unknown type is passed over, one that is longer than it is
 * known to be is read as far as it is known, and what must be understood is in version 1. Numbers of records, of enum socket_kind and
 * of enum ipc_role never change their meaning; new ones are added at the end. Payloads that are messages between processes (the
 * generation in force, the logs of live answers) are of the writer's IPC_VERSION: a reader with another does without them.
 */
#ifndef GEMEL_APP_HANDOVER_H
#define GEMEL_APP_HANDOVER_H
#include <stdbool.h>
#include "app/generation.h"
#include "app/sockets.h"
#include "base/buf.h"
#include "ctl/ctl.h"
#include "io/log.h"
#include "ipc/ipc.h"

#define HANDOVER_VERSION 1
#define HANDOVER_LEN_MAX (32u << 20)  /* node blocks and names; images are descriptors */
#define HANDOVER_CHILDREN_MAX 16      /* those that run, and responders that still end their connections */
#define HANDOVER_SETS_MAX 512         /* listen, peer, and a few more */
#define HANDOVER_MESSAGES_MAX (GENERATION_IMAGES_MAX + 8) /* images, zones, plan, site, plugins */
#define HANDOVER_TEXT_MAX 64

enum handover_record {
	HANDOVER_END = 0,
	HANDOVER_FROM,       /* IPC_VERSION u16, PACKAGE_VERSION str */
	HANDOVER_STATE,      /* loads so far u64, uid u32, gid u32 (all ones: stay), flags u8 (1 reload wanted, 2 snapshot unsaved), began ms u64 */
	HANDOVER_SECRET,     /* 32 octets, as IPC_SECRET */
	HANDOVER_SOCKETS,    /* kind u8, addr, count u16, count × fd u32 */
	HANDOVER_LOCK,       /* fd u32 */
	HANDOVER_CONTROL,    /* path str: ours to remove */
	HANDOVER_CHILD,      /* role u8, leaves u8, pid u32, fd u32, restarts u32 */
	HANDOVER_OVERLAY,    /* adds u8, fd u32 */
	HANDOVER_STARTED,    /* the IPC_SITE message that the sockets were made from */
	HANDOVER_GENERATION, /* a message of the generation in force: fds u16, fds × u32, octets block */
	HANDOVER_KEPT,       /* one that the trial of the new program left with us; likewise */
	HANDOVER_CLIENT,     /* fd u32, json u8: who asked for this */
	HANDOVER_LOGGING     /* how it logs, twice: in force, then as configured (level u8, form u8, query_log u32, dnstap u32, socket str,
			      * node str); level u8, form u8 of its start */
};

struct handover_child { enum ipc_role role; bool leaves; uint32_t pid, restarts; int fd; };
struct handover_message { const uint8_t *data; size_t len; int fd; /* -1 = none */ };
struct handover_messages { struct handover_message list[HANDOVER_MESSAGES_MAX]; size_t count; };

struct handover {
	uint16_t ipc_version;
	char from[HANDOVER_TEXT_MAX];
	uint64_t generations, began_ms; /* CLOCK_MONOTONIC */
	int uid, gid;                   /* whom children become; -1 = stay */
	bool reload, unsaved;
	uint8_t secret[32];
	struct socket_set *sets; /* heap */
	size_t set_count;
	int lock_fd, overlay, overlay_adds, client; /* -1 = none */
	bool client_json;
	char *control_path; /* heap; NULL = none */
	struct handover_child children[HANDOVER_CHILDREN_MAX];
	size_t child_count;
	const uint8_t *site; /* borrowed, as are the messages' octets */
	size_t site_len;
	struct handover_messages generation, kept;
	struct ctl_logging logging, configured; /* level 0: not told */
	struct log_settings begun;
};

void handover_init(struct handover *h);
void handover_deinit(struct handover *h); /* closes nothing */
void handover_encode(const struct handover *h, struct bytes *out);
/* Into an initialised one; borrows data. ERR_FORMAT (*why tells people), ERR_NOMEM. Whether the descriptors are open is not looked at. */
int handover_decode(struct handover *h, const uint8_t *data, size_t len, const char **why) MUST_CHECK;
/* ERR_LIMIT where there are too many. */
int handover_message_add(struct handover_messages *m, const uint8_t *data, size_t len, int fd) MUST_CHECK;
/* Lets the descriptors live through the next exec, or not; for_trial: not those of running children and of who asked.
 * ERR_IO for one that is not open. */
int handover_keep_open(const struct handover *h, bool keep, bool for_trial) MUST_CHECK;

#endif
