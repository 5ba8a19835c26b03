/* The supervisor: holds every socket and the current images, starts the other processes and restarts what dies.  It parses
 * nothing: what the loader made travels as descriptors and as one node block.
 *
 *     start:   loader ─▶ sockets ─▶ coordinator, prober, responder ─▶ "ready"
 *     reload:  loader ─▶ prober: plan; responder: images; coordinator: plan (it then publishes the new generation whole)
 *     death:   of a child: a new one at once, then with back-off; of ourselves: the children exit
 *     upgrade: the program under our path is tried, then takes our place, with sockets and children (upgrade.h, takeover.h)
 */
#ifndef GEMEL_APP_SUPERVISOR_H
#define GEMEL_APP_SUPERVISOR_H

struct supervisor_start {
	const char *file;    /* the configuration as the operator named it (nobody changes folders) */
	const char *node;    /* may be NULL */
	const char *program; /* the path by which we were started, and shall be replaced */
	int take_over;       /* what is handed over by the version before (handover.h); -1 = nothing */
	int trial;           /* the channel to who only tries us; -1 = nobody does */
};
/* Runs the server until it is told to stop. Returns the exit status. */
int supervisor_main(const struct supervisor_start *start);

#endif
