/* The runner process: runs monitoring plugins for the prober, which itself may execute nothing.  It is there only when a
 * configured check runs plugins.
 *
 *     supervisor ── HELLO, CHANNEL(prober) ──▶ runner ── BEAT, every second ──▶ supervisor
 *     prober ── RUN, RUN_END ──▶ runner ── RUN_BEGAN, RAN ──▶ prober
 *
 * A prober that is gone has no plugins any more: they are killed. What a plugin is allowed, io/plugin.h says.
 */
#ifndef GEMEL_APP_RUNNER_H
#define GEMEL_APP_RUNNER_H

#define RUNNER_RUNNING_MAX 32   /* plugins at once: each is a process or several */
#define RUNNER_WAITING_MAX 4096 /* that wait for their turn; more are void */

/* Returns the process's exit status. channel: the supervisor's, taken. */
int runner_main(int channel);

#endif
