/* Check scripts: Lua 5.4 in a sandbox, one state a script, one coroutine a running probe.
 *
 *     script_new(text) → script_check_args → script_start ──▶ SCRIPT_YIELDED + request ──edge does it──▶ script_resume …
 *                                                    └──────▶ SCRIPT_DONE + result
 *
 * A run never blocks: an API call in Lua yields a typed request; the edge (io/probe) performs it and resumes the run with the
 * answer. Budgets: instructions a run, CPU time a slice, memory a state; none can be escaped with pcall, since past a budget
 * the hook raises at every instruction. A run out of budget poisons its state: script_is_spoiled tells, the owner makes a new one.
 */
#ifndef GEMEL_SCRIPT_SCRIPT_H
#define GEMEL_SCRIPT_SCRIPT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/diag.h"
#include "health/health.h"

struct script;
struct script_run;

struct script_limits {
	uint64_t instructions;  /* of one run; default 2,000,000 */
	uint32_t slice_us;      /* CPU time between two yields; default 4,000 */
	size_t memory;          /* octets of the state; default 4 MiB */
};
extern const struct script_limits script_limits_default;

/* ---- arguments ---- */
enum script_arg_type { SCRIPT_ARG_NONE = 0, SCRIPT_ARG_STRING, SCRIPT_ARG_INTEGER, SCRIPT_ARG_NUMBER, SCRIPT_ARG_BOOLEAN,
		       SCRIPT_ARG_OWNER /* a string that defaults to the service's owner name */ };
struct script_arg_spec { const char *name; enum script_arg_type type; bool optional; };
struct script_arg { const char *name; enum script_arg_type type; const char *string; int64_t integer; double number; bool boolean; };

/* Compiles and runs the chunk once in its sandbox; it must return a function or { args = …, run = function }.
 * Faults to d as file:line. name is what messages call it. ERR_FORMAT, ERR_NOMEM. */
int script_new(struct script **s, const char *file, const char *text, size_t len, const struct script_limits *lim, struct diags *d) MUST_CHECK;
void script_free(struct script *s); /* ends its runs too */
bool script_is_spoiled(const struct script *s);
/* The declared arguments, sorted by name; *declared false where the script returned a bare function (anything goes). */
const struct script_arg_spec *script_args(const struct script *s, size_t *n, bool *declared);

/* ---- runs ---- */
struct script_target {
	struct addr addr;
	const char *service, *owner, *host; /* host NULL = none */
	uint64_t state_key;                 /* `target.state` is one table a key, kept between runs */
};
enum script_request_type {
	SCRIPT_REQ_NONE = 0,
	SCRIPT_REQ_CONNECT, /* addr → connection number */
	SCRIPT_REQ_SEND,    /* conn, data */
	SCRIPT_REQ_READ,    /* conn; up to n octets, at least one */
	SCRIPT_REQ_READLINE,/* conn; up to "\n", at most max octets; the line without its end */
	SCRIPT_REQ_CLOSE,   /* conn; answered at once */
	SCRIPT_REQ_HTTP,    /* one HTTP/1.1 exchange */
	SCRIPT_REQ_SLEEP,   /* ms */
	SCRIPT_REQ_SLICE    /* nothing to do: the run used up its slice and wants to be resumed on a later turn of the loop */
};
struct script_http { struct addr addr; const char *method, *path, *host; const char *headers; /* "Name: value\r\n"… */ const char *body; size_t body_len; uint32_t max_body; };
struct script_request { /* strings live until the run is resumed */
	enum script_request_type type;
	struct addr addr;
	int conn;
	const char *data; size_t len;
	size_t max;
	uint32_t timeout_ms; /* 0 = what is left of the run */
	struct script_http http;
};
/* The answer to a request: reason HEALTH_OK, or what failed with detail (the run then sees a Lua error that, uncaught, ends it
 * with that reason). */
struct script_answer {
	enum health_reason reason;
	const char *detail;
	int conn;
	const char *data; size_t len; /* read: octets; http: body */
	int status;                   /* http */
	const char *headers;          /* http: "name: value\n", names lower-case */
};
enum script_status { SCRIPT_YIELDED = 1, SCRIPT_DONE };

/* Starts a run. now_us is any monotonic clock, for took_us and sleeps. Returns SCRIPT_DONE with *result filled or SCRIPT_YIELDED with
 * *req filled, or ERR_NOMEM. *run is the caller's until script_run_free (also after DONE). */
int script_start(struct script *s, struct script_run **run, const struct script_target *t, const struct script_arg *args, size_t arg_count,
		 struct script_request *req, struct health_result *result) MUST_CHECK;
int script_resume(struct script_run *run, const struct script_answer *a, struct script_request *req, struct health_result *result) MUST_CHECK;
/* Ends a run early (deadline): runs no more of its code than its to-be-closed variables within the budget. */
void script_run_free(struct script_run *run);
/* Lines that the script logged or its error with file:line (traceback for bugs); calls sink for each. */
typedef void (*script_log_sink)(void *ctx, const char *line);
void script_set_log(struct script *s, script_log_sink sink, void *ctx);

#endif
