/* The running server's half of an upgrade: the program that lies under our path now is tried, and only what passed is become.
 *
 *     upgrade_begin ─▶ fork, exec PROGRAM --take-over=H --trial=T      a whole supervisor of the new version with its loader, responder,
 *                        │                                             coordinator and prober: all but reading a socket or the journal
 *        ALIVE, SAY, KEEP… (the generation it loaded)
 *                        ├─ READY, exit 0 ─▶ exec PROGRAM --take-over=H     in our own place: same process, children, descriptors
 *                        └─ REFUSED, death, silence ─▶ told to who asked, and nothing has changed
 *
 * takeover.h is the other half, and handover.h what H holds.
 */
#ifndef GEMEL_APP_UPGRADE_H
#define GEMEL_APP_UPGRADE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;
/* id, json, client (taken; -1 = none): who asked, by the coordinator; 0 = a signal. */
void upgrade_begin(struct supervisor *s, uint32_t id, bool json, int client);
/* True where pid was the trial's. */
bool upgrade_child_ended(struct supervisor *s, pid_t pid, int status);
/* The server is being stopped: the trial ends, and who asked is told. */
void upgrade_cancel(struct supervisor *s);

#endif
