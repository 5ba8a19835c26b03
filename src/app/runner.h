/* The runner process: runs monitoring plugins for the prober, and the program of on_event for the coordinator
 * (app/runner_hook.h), which themselves may execute nothing.  It is there only when one of them is configured.
 *
 *     supervisor ── HELLO, CHANNEL(prober, coordinator) ──▶ runner ── BEAT, every second ──▶ supervisor
 *     prober ── RUN, RUN_END ──▶ runner ── RUN_BEGAN, RAN ──▶ prober
 *
 * A prober that is gone has no plugins any more: they are killed, and that is all; the runner goes on, and so do programs of
 * events. What a plugin is allowed, io/plugin.h says.
 */
#ifndef GEMEL_APP_RUNNER_H
#define GEMEL_APP_RUNNER_H

#define RUNNER_RUNNING_MAX 32   /* plugins at once: each is a process or several */
#define RUNNER_WAITING_MAX 4096 /* that wait for their turn; more are void */

/* Returns the process's exit status. channel: the supervisor's, taken. */
int runner_main(int channel);
/* Begin anew: nothing of a plugin, and of no program of an event, is left behind. */
_Noreturn void runner_give_up(void);

#endif
