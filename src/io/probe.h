/* Probes: runs of check scripts, their requests performed on the event loop.  No probe waits for another.
 *
 *     probes_start ─▶ starts ─┐               an answer came ─▶ resumes ─┐
 *                             ▼                                          ▼
 *                     turn of the loop: resumes, then starts, for at most PROBES_TURN_US; then one slice of `slow`;
 *                             │                  then handshakes, for at most PROBES_CRYPTO_US
 *                             │ script_start / script_resume
 *                             ├─ a request ─▶ socket, timer … ─▶ resumes
 *                             │               └─▶ hands to shake ─▶ crypto
 *                             ├─ slice used up ─▶ slow (and slow it stays)
 *                             └─ a result ─▶ done
 *
 * So a script that loops takes one slice of about a millisecond a turn, however many of them there are, and I/O is
 * polled between. A deadline ends a run wherever it is.
 */
#ifndef GEMEL_IO_PROBE_H
#define GEMEL_IO_PROBE_H
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "script/script.h"

#define PROBES_TURN_US 2000   /* spent on scripts in one turn before I/O is polled again */
#define PROBES_CRYPTO_US 2000 /* spent on TLS handshakes in one turn: a step of one takes 0.1 to 1 ms */
#define PROBE_CONNS_MAX 8     /* connections of one run that are open at once */
#define PROBE_TICK_MS 50      /* how often a stalled loop (or a suspended machine) is looked for while probes run */

struct probes;
struct probe;

/* A probe ended. slow: it used up a slice. Called from the loop, never from inside probes_start. */
typedef void (*probe_done)(void *ctx, void *tag, const struct health_result *r, bool slow);
/* What a probe does, and what it is answered: a printable line each, at_us after it began. */
typedef void (*probe_step)(void *ctx, void *tag, uint32_t at_us, const char *line);
#define PROBE_STEP_MAX 240 /* octets of a line, NUL included */

/* Who wants to see a probe at work; it ends there, and not with the set's done. */
struct probe_watch {
	void *ctx;
	probe_done done;
	probe_step step;
};

/* What is to be run. Everything it points to must stay until done. */
struct probe_job {
	struct script *script;
	struct script_target target;
	const struct script_arg *args;
	size_t arg_count;
	uint32_t timeout_ms;
	bool slow;      /* used up a slice the last time: do not let it before others */
	const struct probe_watch *watch; /* NULL = none */
	void *tag;      /* the caller's */
};

struct probes_stats {
	uint64_t started, ended;
	uint64_t turns, slices;   /* turns of the loop that ran scripts; slices of slow ones in them */
	uint64_t turn_max_us;     /* the longest turn */
	uint64_t crypto_steps, crypto_us; /* of handshakes, and the time they took */
	uint64_t stalled_us;      /* time that the loop was late */
};

/* in_flight_max: more probes than that wait for others to end. NULL when out of memory. */
struct probes *probes_new(struct event_base *base, unsigned in_flight_max, probe_done done, void *ctx) MUST_CHECK;
/* Ends every probe, without telling. */
void probes_cancel(struct probes *s);
void probes_free(struct probes *s); /* NULL is fine */
/* Begins one, with the coming turn. ERR_NOMEM. */
int probes_start(struct probes *s, const struct probe_job *job) MUST_CHECK;
/* Takes the channel to a new runner; what ran at an old one fails, void. ERR_NOMEM. */
int probes_set_runner(struct probes *s, int fd) MUST_CHECK;
/* A raw ICMP or ICMPv6 socket for pings that may not open their own; taken on success. ERR_FORMAT, ERR_NOMEM. */
int probes_add_ping_socket(struct probes *s, int fd) MUST_CHECK;
/* The addresses that probes leave from: at most one a family, without a port; family 0 = what the system chooses. Those that
 * have begun are as they are. */
void probes_set_source(struct probes *s, const struct addr source[2]);
/* TLS connections open at once, TLS_OPEN_MAX unless told before the first; probes that want one more wait. */
void probes_limit_tls(struct probes *s, unsigned most);
void probes_get_stats(const struct probes *s, struct probes_stats *out);

#endif
