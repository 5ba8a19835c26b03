/* Check scripts: Lua 5.4 in a sandbox, one state a script, one coroutine a running probe.
 *
 *     script_new(text) → script_args → script_start ──▶ SCRIPT_YIELDED + request ──edge does it──▶ script_resume …
 *                                              └──────▶ SCRIPT_DONE + result
 *
 * A run never blocks: an API call in Lua yields a typed request; the edge (io/probe) performs it and resumes the run
 * with the answer. Budgets: instructions and CPU time a run, CPU time a slice, memory a state; none can be escaped
 * with pcall, since past a budget the hook raises at every instruction. A run out of budget spoils its state:
 * script_is_spoiled tells, the owner makes a new one and frees this one when its other runs have ended.
 *
 * What a run finds is told apart by where an error comes from:
 *
 *     return true | 1..100 [, reason]          HEALTH_OK, weight_pct
 *     return false | 0 [, reason]              HEALTH_CHECK_SAID_DOWN
 *     return nil, reason                       HEALTH_CHECK_SAID_UNKNOWN
 *     error(…), assert(false, …)               HEALTH_CHECK_SAID_DOWN, or HEALTH_REPLY_WRONG once octets of the
 *                                              target have arrived in this run: then it is itself the witness
 *     a failure of an API call, uncaught       its own reason (connect refused, read timeout, HTTP status, …)
 *     a call of nil, a return of "up", …       HEALTH_SCRIPT_ERROR; detail and log name file and line
 *     past a budget, memory used up            HEALTH_SCRIPT_BUDGET, HEALTH_SCRIPT_MEMORY
 */
#ifndef GEMEL_SCRIPT_SCRIPT_H
#define GEMEL_SCRIPT_SCRIPT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/diag.h"
#include "base/log.h"
#include "health/health.h"

struct script;
struct script_run;

struct script_limits {
	uint64_t instructions;  /* of one run; default 2,000,000 */
	uint32_t slice_us;      /* CPU time until SCRIPT_REQ_SLICE; default 1,000. Where none can happen (a comparator
				   of table.sort) four times that, then the run dies */
	uint32_t cpu_us;        /* CPU time of one run, in whole slices; default 100,000: some instructions are dear */
	size_t memory;          /* octets of the state; default 4 MiB */
};
extern const struct script_limits script_limits_default;

/* ---- arguments ----
 *
 *     args = { port = "integer", host = "owner?", expect = "integer|string?" }       ? = may be left out
 */
enum script_arg_type { /* bits, so that an argument can take one of several */
	SCRIPT_ARG_NONE = 0,
	SCRIPT_ARG_STRING = 1,
	SCRIPT_ARG_INTEGER = 2,
	SCRIPT_ARG_NUMBER = 4, /* takes an integer too */
	SCRIPT_ARG_BOOLEAN = 8,
	SCRIPT_ARG_OWNER = 16, /* a string that defaults to the service's owner name */
	SCRIPT_ARG_CERTIFICATES = 32, /* the name of a file; the script gets a thing that only `tls` can look into */
	SCRIPT_ARG_KEY = 64,          /* the same, with a private key in it */
	SCRIPT_ARG_FILES = SCRIPT_ARG_CERTIFICATES | SCRIPT_ARG_KEY
};
struct script_arg_spec {
	const char *name;
	unsigned types; /* of enum script_arg_type */
	bool optional;
	const char *text; /* as declared, for messages */
};
/* True where a value of this one type (never NONE or OWNER) may stand for the argument. */
bool script_arg_takes(const struct script_arg_spec *spec, enum script_arg_type type);
struct script_pem { /* a file's octets; data NULL = none */
	const char *data;
	size_t len;
};
struct script_arg { /* a value; type is one of STRING, INTEGER, NUMBER, BOOLEAN, FILES */
	const char *name;
	enum script_arg_type type;
	const char *string;     /* of a file: its name */
	struct script_pem file; /* stays until the run is freed */
	int64_t integer;
	double number;
	bool boolean;
};

/* Compiles and runs the chunk once in its sandbox; it must return a function or { args = …, run = function }.
 * Faults to d as file:line; file is what messages call it. ERR_FORMAT, ERR_NOMEM. */
int script_new(struct script **s, const char *file, const char *text, size_t len, const struct script_limits *lim,
	       struct diags *d) MUST_CHECK;
void script_free(struct script *s); /* ends its runs too */
bool script_is_spoiled(const struct script *s);
/* The declared arguments, sorted by name; *declared false where the script returned a bare function (anything goes). */
const struct script_arg_spec *script_args(const struct script *s, size_t *n, bool *declared);

/* True where the script's table says `plugins = true`: without it its runs have no run(). */
bool script_runs_plugins(const struct script *s);

/* ---- runs ---- */
struct script_target {
	struct addr addr;                   /* port 0 = the script's arguments say */
	const char *service, *owner, *host; /* NULL = none; owner stays until the run is freed */
	uint64_t state_key;                 /* `target.state` is one table a key, kept between runs */
};
enum script_request_type {
	SCRIPT_REQ_NONE = 0,
	SCRIPT_REQ_CONNECT,  /* addr, tls → connection number; with TLS after its handshake */
	SCRIPT_REQ_UDP,      /* addr → connection number; sends and reads one datagram each */
	SCRIPT_REQ_SEND,     /* conn, data */
	SCRIPT_REQ_READ,     /* conn; up to n octets, at least one */
	SCRIPT_REQ_READLINE, /* conn; up to "\n", at most max octets; the line without its end */
	SCRIPT_REQ_CLOSE,    /* conn; answered at once. What is open when a run ends is the edge's to close */
	SCRIPT_REQ_TLS_INFO, /* conn → what its handshake agreed on, and the certificate */
	SCRIPT_REQ_HTTP,     /* one HTTP/1.1 exchange */
	SCRIPT_REQ_DNS,      /* addr, data: a query whose number is 0, stream → data: the answer to it, untouched */
	SCRIPT_REQ_PING,     /* addr, max: octets of payload → took_us. Silence within timeout_ms is READ_TIMEOUT */
	SCRIPT_REQ_RUN,      /* data: the plugin and its arguments, env: its environment; strings, each with its NUL →
				status: how it ended, data: what it wrote */
	SCRIPT_REQ_SLEEP,    /* timeout_ms */
	SCRIPT_REQ_SLICE     /* nothing to do: the run used up its slice and wants to go on in a later turn */
};
struct script_tls {
	bool on;              /* else plain TCP, and the rest means nothing */
	bool verify;          /* chain and name must hold, or the handshake fails */
	const char *name;     /* for SNI, and the certificate's; an IP address has no SNI (RFC 6066 3). "" = none */
	const char *alpn;     /* "h2,http/1.1"; "" = none */
	struct script_pem ca; /* trusted in place of the machine's */
	struct script_pem cert, key; /* the client's; both or none */
};
struct script_tls_info { /* of the target's making but for the times: printable or not, but bounded */
	const char *protocol, *cipher, *alpn; /* "TLSv1.3"; alpn "" = none */
	const char *subject, *issuer;         /* RFC 4514 */
	const char *names;                    /* DNS names and addresses that it is for, each with "\n" after it */
	int64_t not_before_s, not_after_s;    /* since 1970 */
	double days_left;                     /* negative once expired */
	unsigned chain_len;                   /* certificates that the target sent */
	const char *fault;                    /* what verification found; "" = nothing */
};
struct script_http { /* free of CR, LF and NUL where they would tear the request apart */
	struct addr addr;
	const char *method, *path, *host;
	const char *headers; /* "Name: value\r\n"… without Host, Content-Length and Connection; "" = none */
	const char *body; size_t body_len;
	uint32_t max_body;   /* octets of the answer's body to keep; the rest is not read */
};
struct script_request { /* strings live until the run is resumed or freed */
	enum script_request_type type;
	struct addr addr;
	int conn;
	const char *data; size_t len;
	size_t max;
	bool stream;           /* dns: over TCP */
	const char *env; size_t env_len; /* run */
	uint32_t timeout_ms; /* 0 = what is left of the run */
	struct script_tls tls; /* connect, http */
	struct script_http http;
};
/* The answer to a request: reason HEALTH_OK, or what failed with detail (the run then sees a Lua error that,
 * uncaught, ends it with that reason). */
struct script_answer {
	enum health_reason reason;
	const char *detail;
	int conn;
	const char *data; size_t len; /* read: octets; http: body */
	uint32_t took_us;             /* ping */
	int status;                   /* http; run: the exit status, or minus the signal that ended it */
	const char *headers;          /* http: "name: value\n", names lower-case */
	const struct script_tls_info *tls; /* tls_info */
};
enum script_status { SCRIPT_YIELDED = 1, SCRIPT_DONE };

/* Starts a run. Returns SCRIPT_DONE with *result filled (all but took_us, which is the edge's) or SCRIPT_YIELDED with
 * *req filled, or ERR_NOMEM. *run is the caller's until script_run_free (also after DONE). */
int script_start(struct script *s, struct script_run **run, const struct script_target *t,
		 const struct script_arg *args, size_t arg_count, struct script_request *req,
		 struct health_result *result) MUST_CHECK;
/* a may be NULL after SCRIPT_REQ_SLICE. */
int script_resume(struct script_run *run, const struct script_answer *a, struct script_request *req,
		  struct health_result *result) MUST_CHECK;
/* Ends a run, early too (deadline): no instruction of its code runs any more, __close methods included. */
void script_run_free(struct script_run *run);
/* Lines that the script logged, and its bugs with file:line and traceback; calls sink for each, printable and
 * bounded. */
typedef void (*script_log_sink)(void *ctx, enum log_level level, const char *line); /* NOTICE: log(); WARNING: a bug */
void script_set_log(struct script *s, script_log_sink sink, void *ctx);

#endif
