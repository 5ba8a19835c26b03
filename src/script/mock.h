/* Inside the script room: a target that does as the steps of a test's case say, one after the other.
 *
 *     step                                               is taken by
 *     { connect = 6379, tls = "name", cert = { … } }     a connection; without such a step it succeeds
 *     { expect = "PING\r\n", reply = "+PONG\r\n" }       what is sent; its reply is there to be read
 *     { reply = "220 hello\r\n" }                        a read
 *     { udp = 161 }                                      net.udp, likewise
 *     { http = { path = "/" }, status = 503, … }         an HTTP request
 *     { dns = { type = "SOA" }, rcode = "REFUSED", … }   a DNS query
 *     { run = "/opt/check_x -v", exit = 2, output = … }  a plugin
 *     { fail = "connect refused" }, { silent = true }    whatever comes
 *
 * beside each: after = 0.2, fail = "read timeout", silent = true, close = true. The clock is the mock's own.
 */
#ifndef GEMEL_SCRIPT_MOCK_H
#define GEMEL_SCRIPT_MOCK_H
#include "script/internal.h"

#define MOCK_CONNS_MAX 8           /* as of a real run */
#define MOCK_OCTETS_MAX (1u << 20) /* of replies that wait to be read, and of an answer */
#define MOCK_TROUBLE_MAX 600

enum mock_outcome {
	MOCK_NONE = 0,
	MOCK_ANSWERED,
	MOCK_OVER, /* the run's time is over: m->over tells */
	MOCK_WRONG /* the script does what no step says: m->trouble tells */
};
enum mock_kind { /* of a step: what it is for */
	MOCK_KIND_NONE = 0, MOCK_ANY, MOCK_CONNECT, MOCK_UDP, MOCK_EXPECT, MOCK_REPLY, MOCK_HTTP, MOCK_DNS, MOCK_RUN, MOCK_PING
};
struct mock_conn {
	bool open, tls, silent, datagrams; /* datagrams: in holds a length (4 octets) before each */
	uint16_t port;
	struct bytes in;
	size_t taken;
	uint64_t ready_us;      /* when what is in can be read, or its end be seen */
	enum health_reason end; /* what reading gives once in is empty; NONE = the next step says */
	lua_Integer step;       /* that connected it; 0 = none */
};
struct mock {
	lua_State *L;
	struct script *script; /* of the cases: a function among the steps runs within its budget */
	int steps;             /* index of the list of steps */
	lua_Integer at, count; /* the next step, from 1 */
	size_t matched;        /* octets of the next step's `expect` that came already */
	uint64_t now_us, deadline_us;
	struct mock_conn conns[MOCK_CONNS_MAX];
	struct bytes body, headers; /* of the answer */
	struct script_tls_info info;
	char names[1024];
	char detail[HEALTH_DETAIL_MAX];
	struct health_result over;
	char trouble[MOCK_TROUBLE_MAX];
};

/* All functions run protected: faults of the steps are raised. */
void mock_init(struct mock *m, lua_State *L, int steps, uint64_t timeout_ms);
void mock_deinit(struct mock *m); /* never raises */
enum mock_outcome mock_answer(struct mock *m, const struct script_request *req, struct script_answer *a);
/* Sets the trouble where steps are left that nobody took. */
void mock_finish(struct mock *m);

/* ---- for its parts ---- */
/* What the next step is for; NONE where there is none, else it is pushed. */
enum mock_kind mock_next(struct mock *m);
/* The step on the top is done: pops it, and gives the time that its answer takes. Then, or NONE: its `fail`. */
struct mock_effect { uint64_t after_us; enum health_reason fail; bool silent; };
struct mock_effect mock_take(struct mock *m);
/* The time until at_us passes, or the time-out of the request, or that of the run: MOCK_ANSWERED where at_us came first, else
 * a is the failure or the run is over. */
enum mock_outcome mock_wait(struct mock *m, const struct script_request *req, uint64_t at_us, struct script_answer *a);
/* After the effect: a is good as it is, or a failure, or a time-out. */
enum mock_outcome mock_settle(struct mock *m, const struct script_request *req, const struct mock_effect *e, struct script_answer *a);
enum mock_outcome mock_fail(struct mock *m, struct script_answer *a, enum health_reason why, const char *fmt, ...) PRINTF_LIKE(4, 5);
enum mock_outcome mock_wrong(struct mock *m, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The script does what the next step does not speak of. */
enum mock_outcome mock_unexpected(struct mock *m, const struct script_request *req);
/* Fields of the table on the top; what they lend stays as long as the table. Raises where the type is another one. */
bool mock_has(struct mock *m, const char *key);
const char *mock_text(struct mock *m, const char *key, size_t *len); /* NULL = absent */
lua_Integer mock_integer(struct mock *m, const char *key, lua_Integer fallback);
bool mock_is_true(struct mock *m, const char *key); /* `true`, and nothing else */
bool mock_bool(struct mock *m, const char *key, bool fallback);
int mock_fault(struct mock *m, const char *fmt, ...) PRINTF_LIKE(2, 3); /* of the next step; never returns */
/* The table at index has no key but these; near misses are told. NULL ends the list. */
void mock_check_keys(lua_State *L, int index, const char *what, const char *const *known);

/* ---- mock_conn.c ---- */
enum mock_outcome mock_connect(struct mock *m, const struct script_request *req, struct script_answer *a);
enum mock_outcome mock_send(struct mock *m, const struct script_request *req, struct script_answer *a);
enum mock_outcome mock_read(struct mock *m, const struct script_request *req, struct script_answer *a);
enum mock_outcome mock_tls_info(struct mock *m, const struct script_request *req, struct script_answer *a);
/* ---- mock_http.c ---- */
enum mock_outcome mock_http(struct mock *m, const struct script_request *req, struct script_answer *a);
/* ---- mock_dns.c ---- */
enum mock_outcome mock_dns(struct mock *m, const struct script_request *req, struct script_answer *a);
/* ---- mock_ping.c ---- */
enum mock_outcome mock_ping(struct mock *m, const struct script_request *req, struct script_answer *a);

/* ---- mock_run.c ---- */
enum mock_outcome mock_run(struct mock *m, const struct script_request *req, struct script_answer *a);
/* The words of a plugin, with spaces between. */
const char *mock_run_text(const struct script_request *req, char *out, size_t cap);
/* What a query asks, as "www.example.test A". */
const char *mock_dns_text(const struct script_request *req, char *out, size_t cap);

/* ---- test_args.c: a case's arguments ---- */
struct test_args;
struct test_args *test_args_new(void); /* NULL = out of memory */
void test_args_free(struct test_args *a); /* NULL is fine */
/* From the table at that index, or nil; raises what the configuration would refuse. Strings stay the table's. */
void test_args_read(struct test_args *args, lua_State *L, int table, const struct script *s, const struct script_target *t);
const struct script_arg *test_args_get(const struct test_args *a, size_t *n);

#endif
