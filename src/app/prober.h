/* The prober process: runs the check scripts.  Unprivileged, writes no file, executes nothing; it reads its plan from
 * the supervisor and its orders from the coordinator.
 *
 *     supervisor ── HELLO, PLAN(memfd), CHANNEL(coordinator), START ──▶ prober ── BEAT, every second ──▶ supervisor
 *     coordinator ── PROBE(generation, stream, run) ──▶ prober ── RESULT…, LOG ──▶ coordinator
 */
#ifndef GEMEL_APP_PROBER_H
#define GEMEL_APP_PROBER_H

#define PROBER_IN_FLIGHT_MAX 16384 /* probes at work at once; more wait. Each needs a socket: RLIMIT_NOFILE lowers it */
#define PROBER_WAITING_MAX 65536    /* probes of a generation whose plan has not come yet; more are void */
#define PROBER_STREAMS_PER_STATE 256/* streams that share one Lua state: what one spoils, at most these feel */
#define PROBER_LOG_TEXTS_MAX 1024   /* distinct lines remembered, so that each is said once; then all are forgotten */
#define PROBER_LOG_LINES_PER_S 20   /* a script that logs something new every time does not fill the disk */

/* Returns the process's exit status. channel: the supervisor's, taken. */
int prober_main(int channel);

#endif
