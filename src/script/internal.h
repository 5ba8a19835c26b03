/* Inside the script room: what its files share.  Nobody else includes this.
 *
 *     struct script ── lua_State, memory cap            limits.c   allocator, hook, budgets
 *        └─ struct script_run ── coroutine, meter       sandbox.c  what a script can see
 *                                                       guard.c    library functions that could run long in C, bounded
 *                                                       match.c    pattern engine; pattern.c find match gmatch gsub
 *                                                       fail.c     error assert pcall xpcall: where a failure came from
 *                                                       api.c      net sleep log; http.c tls.c json.c dns.c ping.c plugin.c
 *                                                       run.c      start, resume, verdict
 *     cases of a script's test ── mock of its target    test.c, test_args.c, mock*.c
 */
#ifndef GEMEL_SCRIPT_INTERNAL_H
#define GEMEL_SCRIPT_INTERNAL_H
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include "script/script.h"

#define SCRIPT_HOOK_INTERVAL 1000      /* instructions between two looks at the budgets */
#define SCRIPT_HARD_SLICES 4           /* slices that a stretch which cannot yield may take */
#define SCRIPT_CHUNK_SLICES 40         /* the same for a chunk while it loads: that is no probe */
#define SCRIPT_CHURN_LOOK (256u << 10) /* octets allocated that bring the next look forward: one concatenation is one
					  instruction */
#define SCRIPT_SUBJECT_MAX (256u << 10)/* octets a C library function works through in one call: under 1 ms each */
#define SCRIPT_VALUES_MAX 4096         /* values that one call returns or takes */
#define SCRIPT_ELEMENTS_MAX 65536      /* table elements that one call walks */
#define SCRIPT_ARGS_MAX 32             /* declared arguments */
#define SCRIPT_STATE_KEYS_MAX 4096     /* target.state tables; beyond it all are dropped: they are caches */
#define SCRIPT_LOG_LINE_MAX 1024
#define SCRIPT_LOG_LINES_MAX 100       /* of one run; the rest is dropped */

/* What the code that runs now may still use; one a run, one for the chunk itself. */
struct meter {
	lua_State *L;
	const struct script_limits *limits;
	unsigned hard_slices;      /* slices that a stretch without a yield may take */
	uint64_t spent;            /* instructions, and C work reckoned as instructions */
	uint32_t charged;          /* C work since the last look */
	int interval;              /* instructions that the armed count stands for */
	uint64_t slice_mono_ns, slice_cpu_ns; /* when this slice began */
	uint64_t window_ns;        /* time of the last look */
	uint64_t slices;           /* used up so far */
	bool sliced;               /* the hook yielded: out of slice */
	enum health_reason poison; /* not NONE: dead, every instruction raises */
};

struct script {
	lua_State *L;
	char *file;
	struct script_limits limits;
	size_t memory_used, memory_refused; /* refused: size of the request that waits for Lua's emergency collection */
	size_t churn;
	struct meter *meter;       /* of what runs now, or NULL */
	struct meter chunk;
	bool spoiled;
	int main_ref;              /* the run function */
	int states_ref, state_count;
	struct script_arg_spec *args;
	size_t arg_count;
	bool declared;
	bool plugins;
	uint64_t run_serial;
	struct script_run *runs;
	script_log_sink sink;
	void *sink_ctx;
};

struct script_run {
	struct script *script;
	struct script_run *next, **link;
	struct meter meter;
	lua_State *L;              /* the coroutine; NULL once it ended */
	int thread_ref;
	uint64_t serial;           /* connections remember it: another run's are refused */
	const char *owner;         /* the target's; NULL = none */
	struct script_request *request;     /* where an API call writes what it wants */
	const struct script_answer *answer; /* what came back, while resuming */
	bool heard;                /* octets of the target have arrived */
	unsigned log_lines;
};

/* ---- limits.c ---- */
void *limits_alloc(void *script, void *p, size_t old_len, size_t len);
/* Starts a slice for m on m->L; limits_disarm when it left. */
void limits_arm(struct script *s, struct meter *m);
void limits_disarm(struct script *s);
struct meter *limits_meter(lua_State *L);
/* Charges work done in C (1 = about an instruction); past the budget it raises. */
void limits_charge(lua_State *L, uint64_t work);
/* From here on every instruction of the running code raises. */
void limits_poison(lua_State *L, enum health_reason why);
int limits_raise(lua_State *L); /* raises what a dead run gets; never returns */

/* ---- fail.c: failures as values ---- */
struct failure {
	enum health_reason reason; /* NONE: said by the script itself, with error() or assert() */
	char detail[HEALTH_DETAIL_MAX];
};
void fail_open(lua_State *L, int lib);          /* metatable; error, assert, pcall, xpcall into the table at lib */
const struct failure *fail_get(lua_State *L, int index); /* NULL where the value is none */
int fail_raise(lua_State *L, enum health_reason reason, const char *detail); /* never returns */
int fail_say(lua_State *L, const char *text); /* raises as the script's own error(text, 0) would: what was read is wrong */
void fail_set_detail(char out[HEALTH_DETAIL_MAX], const char *text, size_t len);

/* ---- the rest ---- */
struct script *script_of(lua_State *L);
struct script_run *script_run_of(lua_State *L); /* NULL while the chunk itself runs */
int sandbox_open(lua_State *L);  /* protected; leaves the environment for chunks on the stack */
void guard_string(lua_State *L, int lib);  /* bounded functions into the table at lib */
void guard_table(lua_State *L, int lib);
void guard_utf8(lua_State *L, int lib);
void pattern_open(lua_State *L, int lib);
void api_open(lua_State *L, int lib);
void http_open(lua_State *L, int lib);
void json_open(lua_State *L, int lib);
void dns_open(lua_State *L, int lib);
void plugin_open(lua_State *L, int lib);
uint16_t dns_type_parse(const char *text);    /* 0 = not known */
const char *dns_type_text(uint16_t type);
int dns_rcode_parse(const char *text);        /* -1 = not known */
void ping_open(lua_State *L, int lib);
void tls_open(lua_State *L, int lib);
/* Reads a `tls` option (nil, a boolean or a table) at index; name is for a table without one, or NULL. What *out lends
 * stays on the stack, above all that was there. */
void tls_check(lua_State *L, int index, const char *name, struct script_tls *out);
/* Pushes what stands for a file: its name can be seen, its octets are for tls_check alone. */
void tls_push_file(lua_State *L, const struct script_arg *arg);
/* Pushes what a handshake gave, as a table. */
void tls_push_info(lua_State *L, const struct script_tls_info *info);
/* A table named name in lib that scripts can read but not write, over the table on the top of the stack (popped). */
void sandbox_seal(lua_State *L, int lib, const char *name);
int args_declare(struct script *s, int index, struct diags *d); /* the args table at index */
/* script_new, for a chunk that returns something else: read looks at it, on the top of the stack, within the protection
 * that chunks have, and leaves there what main_ref is to hold. */
typedef int script_reader(struct script *s, struct diags *d);
int script_open(struct script **s, const char *file, const char *text, size_t len, const struct script_limits *lim,
		script_reader *read, struct diags *d) MUST_CHECK;
void script_log(struct script *s, enum log_level level, const char *text, size_t len);
/* Gives the run's request to the edge and comes back in k with the answer; a refused one has raised by then. */
int api_wait(lua_State *L, const struct script_request *req, lua_KFunction k);
const struct script_answer *api_answer(lua_State *L); /* inside k: the answer; raises a failure that it carries */
uint32_t api_check_timeout(lua_State *L, int index);  /* seconds → ms, 0 where none */
void api_check_addr(lua_State *L, int index, struct addr *out);
uint16_t api_check_port(lua_State *L, int index);
/* The table at index has no key but these: a typing error in an option must not pass unseen. NULL ends the list. */
void api_check_keys(lua_State *L, int index, const char *what, const char *const *known);

#endif
