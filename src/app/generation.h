/* One configuration generation as the supervisor holds it: descriptors and a node block, nothing parsed.
 * The loader fills one; the children are given from it. */
#ifndef GEMEL_APP_GENERATION_H
#define GEMEL_APP_GENERATION_H
#include <stdbool.h>
#include "base/buf.h"
#include "io/chan.h"
#include "ipc/ipc.h"

#define GENERATION_IMAGES_MAX 64

struct generation {
	uint64_t number;
	int images[GENERATION_IMAGES_MAX]; /* -1 = none at this index */
	size_t image_count;
	int zones, plan;    /* -1 = none */
	bool plugins;       /* a check of the plan may run plugins, or there is a hook: a runner is wanted */
	uint8_t *site;      /* the node block as a whole IPC_SITE message; heap */
	size_t site_len;
};

void generation_init(struct generation *g, uint64_t number);
void generation_deinit(struct generation *g);
/* Takes one message of the loader (IPC_SITE, IPC_IMAGE, IPC_ZONES, IPC_PLAN) with its descriptors, which it keeps or closes.
 * ERR_FORMAT for a message that does not belong here, ERR_NOMEM. */
int generation_take(struct generation *g, const uint8_t *data, size_t len, int *fds, size_t fd_count) MUST_CHECK;
#define GENERATION_MESSAGE_MAX 32
/* One of the loader's messages that go with a descriptor, or PLUGINS; index: of an image, else NULL. */
void generation_put(struct wbuf *w, enum ipc_type t, const uint16_t *index, uint64_t number);
/* The messages it came by, for who shall take them as generation_take does; fd -1 = none. Stops at emit's first error. */
typedef int (*generation_emit)(void *ctx, const uint8_t *data, size_t len, int fd);
int generation_tell(const struct generation *g, generation_emit emit, void *ctx) MUST_CHECK;
bool generation_is_whole(const struct generation *g);
/* Sends the images and the zone list, or the plan; each message names the generation. ERR_IO, ERR_LIMIT, ERR_NOMEM. */
int generation_send_images(const struct generation *g, struct chan *c) MUST_CHECK;
int generation_send_plan(const struct generation *g, struct chan *c) MUST_CHECK;
int generation_send_start(const struct generation *g, struct chan *c) MUST_CHECK;

#endif
