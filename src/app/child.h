/* What every child process of the supervisor does first, and the roles' entry points. */
#ifndef GEMEL_APP_CHILD_H
#define GEMEL_APP_CHILD_H
#include "io/chan.h"
#include "ipc/ipc.h"

#define CHILD_CHANNEL_FD 3 /* the supervisor's channel in every child */
#define CHILD_BEAT_MS 1000 /* IPC_BEAT this often; ten times this without one and the supervisor kills the child */

#define CHILD_BEAT_LEN 16
void child_put_beat(struct wbuf *w); /* the whole message */

/* Names the process and its log, and makes it die with the supervisor. One that is gone already shows as the channel's EOF (its
 * pid would not tell: in a container the supervisor itself may be 1). */
void child_init(enum ipc_role role);
/* Gives up what the role does not need (confine.h has folder), and tells the supervisor; ends the process where it is gone. */
void child_confine(struct chan *supervisor, enum ipc_role role, int folder);
/* Each returns the process's exit status. channel: the supervisor's, taken. */
int responder_main(int channel);
int coordinator_main(int channel);
int tap_main(int channel);

#endif
