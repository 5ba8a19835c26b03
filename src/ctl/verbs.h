/* The verbs of gemelctl: one const table, the reading of words against it, and the running of what can be answered at once.
 *
 *     words ──call_parse──▶ struct call ──call_run──▶ CALL_ANSWER: the document, or c->error, and c->exit
 *              (both ends)      (server)              CALL_COMMAND, CALL_RELOAD, CALL_STOP, CALL_PROBE: to be asked of the host
 *                                       CALL_EVENTS: the history, and perhaps what comes
 *                                       CALL_LOGGING: the document, and c->logging from now on
 */
#ifndef GEMEL_CTL_VERBS_H
#define GEMEL_CTL_VERBS_H
#include "ctl/ctl.h"
#include "ctl/doc.h"

#define CALL_EXIT_DONE 0
#define CALL_EXIT_FAILED 1
#define CALL_EXIT_USAGE 2
#define CALL_WORDS_MAX 4 /* behind the verb, options aside */
#define CALL_ERROR_MAX 512

enum call_option { OPTION_JSON, OPTION_CHECK, OPTION_FOR, OPTION_REASON, OPTION_FORCE, OPTION_FOLLOW, OPTION_CLIENT, OPTION_VERBOSE, OPTION_LAST, OPTION_SAMPLE, OPTION_COUNT };
enum call_next { CALL_ANSWER = 0, CALL_COMMAND, CALL_RELOAD, CALL_STOP, CALL_PROBE, CALL_EVENTS, CALL_WHAT_IF, CALL_LOGGING, CALL_UPGRADE };

struct verb;
struct call {
	const struct verb *verb;
	const char *words[CALL_WORDS_MAX]; /* borrowed from argv */
	int word_count;
	const char *option[OPTION_COUNT];  /* NULL = not given; "" for those without a value */
	bool help;                         /* --help stood there: for gemelctl to answer; nothing else of it was looked at */
	int exit;
	char error[CALL_ERROR_MAX];        /* one line for standard error; "" = none */
	struct ctl_logging logging;        /* for CALL_LOGGING */
	struct core_command command;       /* for CALL_COMMAND; id and author are the server's */
};

/* argv[0] is the verb. 0, or the exit status with c->error set: CALL_EXIT_USAGE for what is wrong, CALL_EXIT_FAILED for a verb that
 * is not built yet. The words are an operator's, or a stranger's: nothing of them is trusted. */
int call_parse(struct call *c, int argc, char *const *argv) MUST_CHECK;
/* After call_parse gave 0. d is empty, in the form asked for; the caller ends it. */
enum call_next call_run(struct call *c, const struct ctl_host *h, struct doc *d);
/* Sets the error and the exit status; returns CALL_ANSWER. */
enum call_next call_fail(struct call *c, int exit, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool call_is_local(const struct call *c); /* gemelctl does it without a server */

/* Handlers that show things (show.c, show_status.c); the shapes of their documents stand there. */
enum call_next show_status(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_services(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_service(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_peers(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_key(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_targets(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_explain(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next run_events(struct call *c, const struct ctl_host *h, struct doc *d); /* events.c */
enum call_next show_overrides(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_zones(struct call *c, const struct ctl_host *h, struct doc *d); /* show_stats.c */
enum call_next show_stats(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next show_windows(struct call *c, const struct ctl_host *h, struct doc *d); /* show_windows.c */
enum call_next run_log(struct call *c, const struct ctl_host *h, struct doc *d); /* show_logging.c */
enum call_next run_querylog(struct call *c, const struct ctl_host *h, struct doc *d);
enum call_next run_dnstap(struct call *c, const struct ctl_host *h, struct doc *d);

#endif
