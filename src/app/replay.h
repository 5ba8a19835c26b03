/* gemeld --replay JOURNAL: what a configuration would have answered to the probe results that a journal holds.
 *
 *     2026-11-21T02:31:00.123Z www.example.test A - -> 192.0.2.1 (start)
 *     2026-11-21T02:32:10.456Z www.example.test A 192.0.2.1 -> 192.0.2.2 (192.0.2.1:80 down: connect refused)
 */
#ifndef GEMEL_APP_REPLAY_H
#define GEMEL_APP_REPLAY_H
#include <stdbool.h>

/* One line a change on standard output, as JSON or for people; verbose: verdicts and all else that is told, too. Faults go to
 * standard error. node may be NULL. Returns the exit status: 0 replayed, 1 faults, or nothing to replay. */
int replay_main(const char *journal, const char *file, const char *node, bool json, bool verbose);

#endif
