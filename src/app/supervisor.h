/* The supervisor: holds every socket and the current images, starts the other processes and restarts what dies.  It parses
 * nothing: what the loader made travels as descriptors and as one node block.
 *
 *     start:   loader ─▶ sockets ─▶ coordinator, prober, responder ─▶ "ready"
 *     reload:  loader ─▶ prober: plan; responder: images; coordinator: plan (it then publishes the new generation whole)
 *     death:   of a child: a new one at once, then with back-off; of ourselves: the children exit
 */
#ifndef GEMEL_APP_SUPERVISOR_H
#define GEMEL_APP_SUPERVISOR_H

/* Runs the server until it is told to stop. file: the configuration as the operator named it (nobody changes folders); node may be NULL. Returns the exit status. */
int supervisor_main(const char *file, const char *node);

#endif
