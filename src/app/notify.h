/* What the service manager is told, by the protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.
 *
 *     READY=1 ── queries are being read ──▶ RELOADING=1, MONOTONIC_USEC=… ──▶ READY=1 ──▶ STOPPING=1
 *     STATUS=generation 3                    with each of them
 *     WATCHDOG=1                             while the responder shows that it lives
 *
 * Without a manager nothing of it does anything. What cannot be sent is lost: no answer waits for a manager.
 */
#ifndef GEMEL_APP_NOTIFY_H
#define GEMEL_APP_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so that no child speaks in our name. */
void notify_init(void);
void notify_keep(bool on); /* puts what was taken out back, for the program that we are about to become; or takes it out again */
void notify_ready(uint64_t generation);
void notify_reloading(uint64_t now_us); /* CLOCK_MONOTONIC; ends with notify_ready, be the new configuration refused */
void notify_stopping(void);
/* Sends WATCHDOG=1 where the manager wants one and half of its time is over. */
void notify_alive(uint64_t now_ms);

#endif
