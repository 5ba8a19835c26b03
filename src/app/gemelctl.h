/* gemelctl's own verbs: what it does without asking a server.
 *
 *     gemelctl.c        words, the control socket, key new, help
 *     gemelctl_test.c   test FILE
 */
#ifndef GEMEL_APP_GEMELCTL_H
#define GEMEL_APP_GEMELCTL_H
#include <stdbool.h>

/* Runs the cases of a check script; file is the script or its NAME_test.lua. The exit status: 0 all are as they should be, 1 some
 * are not, or there is a fault, 2 where the file's name is no script's. */
int gemelctl_test(const char *file, bool json);

#endif
