/* The operators' door: control verbs over a stream socket, and the .gemel names seen with dig.
 *
 *     gemelctl ──request──▶ server ──▶ verb (one const table) ──▶ tables for people, or one JSON document
 *                                        └─ down, up, drain, auto, reload: asked of the host, finished later
 *
 * Request (one a connection): "GEMC" | flags u8 (1 json, 2 colour) | width u16 | argc u16 | argc × block (base/buf.h)
 * Reply: frames  kind u8 (1 stdout, 2 stderr, 3 exit, 4 progress) | len u32 | octets    exit: one octet, the last frame
 */
#ifndef GEMEL_CTL_CTL_H
#define GEMEL_CTL_CTL_H
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/latency.h"
#include "base/log.h"
#include "core/core.h"

#define CTL_REQUEST_MAX 65536
#define CTL_ARGS_MAX 64
#define CTL_REPLY_MAX (64u << 20) /* 100,000 members in JSON fit */
#define CTL_CLIENTS_MAX 64
#define CTL_HTTP_IDS 0x80000000u /* ids of requests from here on are those of HTTP, below those of the control socket */

struct ctl_child { const char *role; uint32_t pid, restarts; uint64_t started_wall_ms; const char *confined; };
struct ctl_usage { uint64_t cpu_ms, resident_bytes; uint32_t threads; }; /* of a process */
struct ctl_reloads { /* asked for since the coordinator's start */
	uint64_t by_result[3];  /* taken, partly, refused */
	uint64_t last_wall_ms;  /* when the last one ended; 0 = there was none */
	uint32_t last_took_ms;
};
struct ctl_hook { /* the program of on_event, and its runs since the coordinator's start */
	const char *program;
	uint64_t ran, failed, dropped; /* dropped: events that it was not given */
	uint32_t waiting;
	bool running;
};
struct ctl_counters { /* of the responder, summed; zero until it told */
	uint64_t queries, responses, dropped, truncated, cold, edns, tcp, by_rcode[24];
	uint64_t rate_dropped, rate_slipped; /* of the responses */
	uint64_t tcp_open, tcp_accepted, tcp_evicted, tcp_evicted_source; /* connections */
	double qps; /* over the last second or so */
};
struct ctl_zone { char *name; uint64_t queries; uint32_t serial, records; bool has_signatures, faulty; /* answered with SERVFAIL */ uint64_t content; };
struct ctl_zones { struct ctl_zone *list; size_t count; bool counted; uint64_t digest; /* of the content of all */ }; /* as served; queries are 0 where they are too many to be counted */
#define CTL_SOCKET_MAX 108 /* a path, as sockaddr_un has it */
struct ctl_logging { /* how the node logs */
	enum log_level level;
	enum log_form form;
	uint32_t query_log, dnstap; /* one query of so many; 0 = off */
	char dnstap_socket[CTL_SOCKET_MAX]; /* "" = none */
	char node[64]; /* its name, for who reads dnstap of many */
};
struct ctl_tap { /* what became of what is told of queries, since the start of the process that writes it */
	bool told, connected;
	uint64_t lines, lost; /* lines of the query log; records that the responder had no room for */
	uint64_t frames, frames_dropped; /* of dnstap */
};
struct ctl_sticky { /* a set under pick = "sticky", and who asks */
	const struct addr *client, *set;
	const uint16_t *weights;
	uint16_t count, answer_n; /* 0 = all */
};
/* Counters of coordinators before an upgrade; those of now are added to them. */
#define CTL_PAIR_TOTALS (sizeof(struct pair_stats) / sizeof(uint64_t))
#define CTL_HTTP_TOTALS 7
struct ctl_totals {
	uint64_t results[HEALTH_REASON_MAX]; /* of probes */
	uint64_t events[CORE_NOTICE_KINDS];
	uint64_t pair[CTL_PAIR_TOTALS]; /* as struct pair_stats */
	uint64_t http[CTL_HTTP_TOTALS]; /* accepted, evicted, requests, refused, busy, cut, tokens_refused */
};
struct ctl_upgrade { bool done; const char *from, *why; uint32_t took_ms; }; /* from: the version before; why: of one that is refused */
#define CTL_STICKY_MAX 256 /* of a set; an answer holds no more */
/* A still picture that verbs read; filled by the coordinator for each request, borrowed. */
struct ctl_host {
	const struct core *core;
	uint64_t now_ms, wall_ms, started_wall_ms;
	const struct ctl_child *children; size_t child_count;
	const struct ctl_counters *counters;
	const struct latency *latency; /* of answers over UDP, of some batches; NULL = nobody told */
	const struct ctl_zones *zones; /* what is served, and questions by zone; NULL = nobody told */
	bool zones_told;               /* since the responder came */
	const struct ctl_hook *hook; /* NULL = none */
	const struct ctl_logging *logging;
	const struct ctl_tap *tap;
	uint64_t log_dropped; /* lines, of all processes */
	bool journal_failed; /* the last write of the journal failed */
	bool serving;        /* the responder answers from what we published */
	struct ctl_reloads reloads;
	const struct ctl_totals *inherited; /* NULL = none */
	/* What this client gets, as the responder picks it: indexes of the set in the order of the answer, as many as it holds;
	 * 0 = cannot tell. NULL where nobody can. */
	size_t (*sticky)(const struct ctl_sticky *s, uint16_t order[CTL_STICKY_MAX]);
};
struct ctl_what_if { /* `what-if`: the plan follows the request (whatif.h) */
	int fd;                               /* the client's connection, the host's from here on */
	const uint8_t *begun; size_t begun_len; /* what of it is read already; borrowed */
	bool json, colour;
	uint16_t width;
};
/* What verbs ask of the coordinator. Each request has an id that comes back in ctl_*_done. */
struct ctl_actions {
	void *ctx;
	void (*host)(void *ctx, struct ctl_host *out);
	void (*command)(void *ctx, const struct core_command *c); /* c->id is the request's */
	void (*reload)(void *ctx, uint32_t id);
	void (*stop)(void *ctx);
	/* Runs a stream of the plan of that generation once, as an operator wishes; ctl_probe_done comes always. */
	void (*probe)(void *ctx, uint32_t id, uint64_t generation, uint32_t stream, bool steps);
	/* Answers on the client's connection, or gives a line that says why not; then the connection is closed. */
	const char *(*what_if)(void *ctx, const struct ctl_what_if *ask);
	void (*logging)(void *ctx, const struct ctl_logging *l); /* from now on */
	/* client: a descriptor of the connection, the host's from here on: who takes our place answers on it. */
	void (*upgrade)(void *ctx, uint32_t id, bool json, int client);
};

struct ctl_server;
/* listen_fd stays the caller's. NULL = out of memory. */
struct ctl_server *ctl_server_new(struct event_base *base, int listen_fd, const struct ctl_actions *a) MUST_CHECK;
void ctl_server_free(struct ctl_server *s);
/* The command is in force on this node (every worker answers from it), or refused; text is the line to print. */
void ctl_command_done(struct ctl_server *s, uint32_t id, bool refused, const char *text);
/* level: enum diag_level. */
void ctl_reload_diag(struct ctl_server *s, uint32_t id, uint8_t level, const char *line);
/* How far it is; shown where the answer goes to a terminal, and replaced by what comes next. */
void ctl_reload_progress(struct ctl_server *s, uint32_t id, const char *line);
/* status as in IPC_DONE: 0 taken, 1 some zones kept their old version, 2 refused. */
void ctl_reload_done(struct ctl_server *s, uint32_t id, int status);

/* It was refused, and we go on. */
void ctl_upgrade_done(struct ctl_server *s, uint32_t id, const struct ctl_upgrade *u);
/* We are who took over: the answer goes to the connection, which is taken. */
void ctl_upgrade_adopt(struct ctl_server *s, int client, bool json, const struct ctl_upgrade *u);
void ctl_server_rest(struct ctl_server *s); /* takes no more connections; those that are there go on */
void ctl_probe_told(struct ctl_server *s, uint32_t id, uint32_t at_us, const char *line);
void ctl_probe_done(struct ctl_server *s, uint32_t id, const struct health_result *r);
void ctl_probes_lost(struct ctl_server *s); /* none of those asked for will be answered any more */

/* Something changed: told to those who follow. */
void ctl_notice(struct ctl_server *s, const struct core_notice *n);

/* ---- status over DNS, class CH ---- */
struct ctl_dns_from { /* who asks */
	bool udp; /* from elsewhere than loopback .gemel answers are truncated: TCP proves the source */
	const struct addr *addr;
	const uint8_t *cookie; /* the option's content for the answer (RFC 7873), which only the responder can make */
	size_t cookie_len;     /* 0 = none */
};
/* Answers a class CH query (id.server, hostname.bind, version.server, version.bind, *.gemel). Returns the length, 0 for no answer. */
size_t ctl_dns_answer(const struct ctl_host *h, const struct ctl_dns_from *from, const uint8_t *query, size_t len, uint8_t *out, size_t cap);

/* ---- the client's side (gemelctl) ---- */
/* Sends argv and copies the reply's frames to the two files. Returns the exit status (1 with a line on standard error where there
 * is no server; status --check: 2, told on standard output). */
int ctl_client_run(const char *socket_path, bool json, bool colour, unsigned width, int argc, char *const *argv);
/* The same with a plan behind the request. */
int ctl_client_run_with(const char *socket_path, bool json, bool colour, unsigned width, int argc, char *const *argv, const uint8_t *plan,
			size_t len);
/* The same as ctl_client_run for people, but only faults are said. */
int ctl_client_run_quiet(const char *socket_path, int argc, char *const *argv);
/* The same as ctl_client_run for people, coloured; all that is said, faults too, goes into *text (the caller's to free; NULL only
 * without memory). */
int ctl_client_ask(const char *socket_path, unsigned width, int argc, char *const *argv, char **text) MUST_CHECK;
/* Likewise the document in JSON. */
int ctl_client_ask_json(const char *socket_path, int argc, char *const *argv, char **text) MUST_CHECK;
/* 0 where the words make a request; else the exit status (2 wrong usage, 1 not built yet), told on standard error. Needs no server. */
int ctl_words_check(int argc, char *const *argv) MUST_CHECK;
/* The verbs' one-line helps, for `gemelctl help`. */
size_t ctl_verb_count(void);
void ctl_verb_help(size_t i, const char **name, const char **usage, const char **help);
void ctl_verb_describe(size_t i, struct bytes *out); /* one at length: its usage, what it does, its options */

#endif
