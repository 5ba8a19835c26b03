/* gemelctl's own verbs: what it does without asking a server.
 *
 *     gemelctl.c        words, the control socket, key new, help
 *     gemelctl_test.c   test FILE
 *     gemelctl_probe.c  probe, with -c FILE
 *     gemelctl_whatif.c  what-if: FILE to a plan
 *     gemelctl_key.c    key accept, send, drop: the key file
 *     gemelctl_top.c    top: the terminal
 */
#ifndef GEMEL_APP_GEMELCTL_H
#define GEMEL_APP_GEMELCTL_H
#include <stdbool.h>
#include "base/buf.h"

/* Runs the cases of a check script; file is the script or its NAME_test.lua. The exit status: 0 all are as they should be, 1 some
 * are not, or there is a fault, 2 where the file's name is no script's. */
int gemelctl_test(const char *file, bool json);
/* Runs the check of a member once, from FILE as it stands now. The exit status: 0 up, 1 down, 2 there is no such service or member,
 * 3 unknown, or FILE has faults. node may be NULL. */
int gemelctl_probe(const char *file, const char *node, const char *service, const char *address, bool json, bool verbose);
/* A step of changing a pair's key ("accept" FILE, "send" ID, "drop" ID), taken in the key file. The exit status. */
int gemelctl_key(const char *file, const char *step, const char *what);
/* The plan of FILE as octets for the server; faults are told. The exit status: 0, or 1. node may be NULL. */
int gemelctl_plan(const char *file, const char *node, struct bytes *out);
/* Shows what the server does until somebody presses q; one picture where standard output is no terminal, one document as JSON. The
 * exit status. */
int gemelctl_top(const char *socket_path, bool json);

#endif
