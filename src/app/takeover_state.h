/* What both halves of a takeover begin with: takeover.c (it is done) and trial.c (it is tried). Private to these and takeover_read.c. */
#ifndef GEMEL_APP_TAKEOVER_STATE_H
#define GEMEL_APP_TAKEOVER_STATE_H
#include "app/handover.h"

struct supervisor;

/* Ends the process; why is logged, and told to who tries us. trial: the channel to him; -1 = we are not tried. */
_Noreturn void takeover_refuse(int trial, const char *why);
/* Reads what descriptor fd holds into *h, and takes sockets, node block, logging and the logs of live answers over from it; children,
 * messages and who asked are left in it. Where it cannot be read the process ends. */
void takeover_read(struct supervisor *s, struct handover *h, int fd, int trial);
/* A generation from the messages by which it came. ERR_FORMAT, ERR_NOMEM. */
int takeover_take_messages(struct generation *g, uint64_t number, const struct handover_messages *m) MUST_CHECK;

#endif
