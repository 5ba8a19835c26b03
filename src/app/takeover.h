/* The new program's half of an upgrade. What upgrade.c hands over is read, and then either
 *
 *     trial      load, start the children, each as far as it gets without a socket or the journal; all went well: leave the loaded
 *                generation with who tries us, say READY, end
 *
 *     take over  in the process, and with the children, of the version before:
 *                  new responder, coordinator, prober start and HOLD ── PREPARED, both ──▶ the old coordinator: LEAVE
 *                  it has closed the journal and is gone ──▶ new responder: its last live answers, GO ── PREPARED 2 ──▶
 *                  new coordinator: the counters, GO: reads the journal, publishes ──▶ the new responder reads the sockets: SERVING
 *                  ──▶ the old responder: LEAVE: it stops reading, ends its connections, says its counters, ends
 *
 * The old responder answers until the new one does, and both have the same sockets: no query is without a reader. A child that dies
 * meanwhile is replaced as ever.
 */
#ifndef GEMEL_APP_TAKEOVER_H
#define GEMEL_APP_TAKEOVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;
struct child;

/* Reads what descriptor fd holds. trial: the channel to who tries us. Ends the process, with the reason told, where it cannot. */
void takeover_trial(struct supervisor *s, int fd, int trial);
void takeover_begin(struct supervisor *s, int fd);

/* ---- of a trial ---- */
void takeover_trial_loaded(struct supervisor *s, bool taken);
void takeover_trial_say(struct supervisor *s, uint8_t level, const char *line);
void takeover_trial_alive(struct supervisor *s);
void takeover_trial_check(struct supervisor *s); /* something got ready: perhaps all is */
void takeover_trial_died(struct supervisor *s, const struct child *c, int status);

/* ---- of a takeover ---- */
void takeover_prepared(struct supervisor *s, struct child *c, uint8_t step);
void takeover_serving(struct supervisor *s);                          /* the new responder reads the sockets */
void takeover_child_died(struct supervisor *s, const struct child *c); /* one of the new ones: nobody waits for it */
bool takeover_left(struct supervisor *s, pid_t pid);                  /* true where pid was a child of the version before */
void takeover_watch(struct supervisor *s);                            /* once a second */
void takeover_kill_leaving(struct supervisor *s);                     /* we are being stopped */

#endif
