/* The decisions, as one deterministic state machine: events in, effects out.  No clock, socket, file or random source: time
 * is handed in with each event, randomness as an event, and what is to be done leaves as data, in order.
 *
 *     probe result ──▶ health (rise/fall) ──▶ pair shelf ──▶ effective state ──▶ policy ──▶ PUBLISH
 *     packet ────────▶ pair ────────────────────┘                 ▲
 *     command (down, up, auto) ──▶ JOURNAL ──synced──▶ override ──┘
 *
 * Order that must stay true: a verdict's JOURNAL effect stands before the PUBLISH it causes; an override takes effect, is
 * sent and is answered (REPLY) only after its JOURNAL record is synced.
 */
#ifndef GEMEL_CORE_CORE_H
#define GEMEL_CORE_CORE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "core/notice.h"
#include "core/plan.h"
#include "pair/pair.h"

struct core;

/* ---- events ---- */
enum core_event_type {
	CORE_EVENT_NONE = 0,
	CORE_TIMER,    /* core_deadline is due */
	CORE_RESULT,   /* a probe ended */
	CORE_PACKET,   /* from the twin */
	CORE_STREAM,   /* of a connection with the twin */
	CORE_COMMAND,  /* an operator's override */
	CORE_SYNCED,   /* the journal is on disk up to `seq` */
	CORE_EPOCH,    /* an epoch asked for by CORE_NEED_EPOCH is on disk; boot is fresh randomness */
	CORE_PLAN,     /* a new configuration */
	CORE_TELL,     /* of what happened around the core: it numbers it and keeps it */
	CORE_STOP,     /* we are being stopped: the twin is told; nothing comes after it */
	CORE_PROBER,   /* the prober came (up) or went: probes in flight are void. Until the first it is taken to be there */
	CORE_CUT_OFF,  /* the machine itself has no way to anybody who is not on it: no route, or no carrier where the routes lead */
	CORE_ZONES     /* the zones that are served, all of them: others than before */
};
enum core_stream { CORE_STREAM_NONE = 0, CORE_STREAM_ACCEPTED, CORE_STREAM_OPENED, CORE_STREAM_OCTETS, CORE_STREAM_DRAINED, CORE_STREAM_ENDED };
enum core_verb { CORE_VERB_NONE = 0, CORE_VERB_AUTO, CORE_VERB_DOWN, CORE_VERB_UP, CORE_VERB_DRAIN, CORE_VERB_FAILBACK /* of a service; no override */, CORE_VERB_MAINT /* of this node, "on" or "off"; no override */ };
#define CORE_SELECTOR_MAX 128 /* address, glob, host, site:NAME, service, SERVICE/ADDRESS */
#define CORE_REASON_MAX 96
#define CORE_AUTHOR_MAX 32
struct core_command {
	uint32_t id; /* the caller's, comes back in REPLY */
	enum core_verb verb;
	char selector[CORE_SELECTOR_MAX], reason[CORE_REASON_MAX], author[CORE_AUTHOR_MAX];
	uint64_t for_ms; /* 0 = until auto */
	bool force;      /* even where it leaves a service without an answer */
};
struct core_zone { const char *name; uint32_t serial; uint64_t digest; /* of its content */ };
struct core_event {
	enum core_event_type type;
	union {
		struct { uint32_t stream; uint32_t run; struct health_result result; } result; /* index of the plan it was
									begun under: the present or the one before */
		struct { struct addr from; const uint8_t *data; size_t len; } packet;
		struct { enum core_stream what; uint32_t id; struct addr from; const uint8_t *data; size_t len; } stream; /* as in pair/pair.h */
		struct core_command command;
		struct { uint64_t seq; } synced;
		struct { uint64_t epoch, boot; } epoch;
		struct { const struct plan *plan; } plan; /* must outlive the core, or until the next CORE_PLAN */
		struct { bool up; } prober;
		struct { const struct core_notice *notice; } tell; /* time, number and observer are filled in */
		struct { const struct core_zone *list; size_t count; uint64_t digest; /* of all */ } zones; /* each name once; borrowed */
	};
};

/* ---- effects ---- */
enum core_effect_type {
	CORE_EFFECT_NONE = 0,
	CORE_JOURNAL, /* append record; sync soon (or now, then answer CORE_SYNCED with seq) */
	CORE_PUBLISH, /* one RRset; a step's publishes are one transaction */
	CORE_SEND,    /* datagram to the twin */
	CORE_CONNECTION, /* with the twin: open it, write to it, close it */
	CORE_PROBE,   /* run stream now, answer with CORE_RESULT and the same run */
	CORE_REPLY,   /* command `id` is in force, or refused */
	CORE_NEED_EPOCH, /* fill the epoch's low 32 bits with fresh randomness, write it to disk, then CORE_EPOCH */
	CORE_NOTICE,  /* something for the log and the operators' events */
	CORE_RECORD   /* append `journal`, as it has room: nothing rests on it */
};
struct core_publish {
	uint32_t service;
	uint16_t type;       /* A or AAAA */
	bool ready;          /* false = withdraw: SERVFAIL until known */
	uint32_t ttl_s;
	uint8_t pick;        /* enum policy_pick */
	uint16_t answer_n, count;
	const struct addr *addrs;      /* borrowed until the next core_step */
	const uint16_t *weights;
};
#define CORE_TEXT_MAX 320
struct core_effect {
	enum core_effect_type type;
	union {
		struct { const uint8_t *data; uint16_t len; uint64_t seq; bool sync; } journal; /* borrowed */
		struct core_publish publish;
		struct { struct addr to; const uint8_t *data; uint16_t len; } send; /* borrowed */
		struct { enum pair_stream_op op; uint32_t id; struct addr to; const uint8_t *data; uint16_t len; } connection; /* borrowed */
		struct { uint32_t stream, run, timeout_ms; } probe; /* of this run: more than the plan's where we are behind our own time */
		struct { uint32_t id; bool refused; const char *text; } reply; /* borrowed */
		struct { uint64_t epoch; } need_epoch;
		/* what: borrowed until the next core_next_effect; its number is 0 where it changed nothing. seq: append data to the
		 * journal, as it has room; 0 = only tell. */
		struct { const struct core_notice *what; const uint8_t *data; uint16_t len; uint64_t seq; } notice;
	};
};

/* boot, epoch and seed are fresh randomness and the epoch already on disk. plan must outlive the core (or its successor plan).
 * ERR_NOMEM. */
struct core_start {
	const struct plan *plan;
	uint64_t boot, epoch, seed;
	uint32_t probes_max; /* 0 = as the plan says */
	bool replays;        /* CORE_RESULTs come from a record, of any run: nobody is probed, no twin is heard, and no silence is
			      * doubted, since it was when it was recorded */
	bool continues;      /* in the place of a process that left a moment ago, on this machine: what it vouched for is no memory */
};
int core_new(struct core **c, const struct core_start *s, uint64_t now_ms, uint64_t wall_ms) MUST_CHECK;
void core_free(struct core *c);
/* Before the first step: one record as the journal held it, oldest first. ERR_FORMAT for a record that is not ours (it is
 * skipped). wall_ms: the present wall time, to reckon ages. */
int core_recover(struct core *c, const uint8_t *record, size_t len, uint64_t now_ms, uint64_t wall_ms);
/* Every record that recreates the present state, for a compacted journal: emit is called for each; stops at its first error. */
int core_snapshot(const struct core *c, uint64_t now_ms, uint64_t wall_ms, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx) MUST_CHECK;

/* Last words for the journal, of a process whose place another takes at once, behind everything else that was written: which
 * verdicts rest on results that still count. Whoever does not continue it (core_start) passes them over. Stops at the first error. */
int core_vouch(struct core *c, int (*emit)(void *ctx, uint64_t seq, const uint8_t *data, size_t len), void *ctx) MUST_CHECK;

/* One event. Effects are then read with core_next_effect, in order, until it gives false; they are borrowed until the next
 * core_step, and are to be carried out after an error too. ERR_NOMEM: the state is whole; a command or a plan is not taken
 * (core_plan tells), of everything else what is still to do comes with the next step, which core_deadline then wants at once.
 * The first step must be a CORE_TIMER: it publishes what is known. The step of a CORE_PLAN publishes everything. */
int core_step(struct core *c, const struct core_event *e, uint64_t now_ms, uint64_t wall_ms) MUST_CHECK;
bool core_next_effect(struct core *c, struct core_effect *e);
/* When a CORE_TIMER is wanted, ms; UINT64_MAX = never. */
uint64_t core_deadline(const struct core *c);
/* Publishes everything again (for a new responder). The effects of this call only. */
int core_publish_all(struct core *c, uint64_t now_ms) MUST_CHECK;

/* ---- for status (ctl, .gemel names) ---- */
struct core_member_view {
	const struct policy_member *conf;
	const struct plan_stream *stream; /* the first of its check; NULL when there is none */
	const char *host;
	enum health_verdict state;        /* effective */
	enum health_verdict own, twin;    /* votes; UNKNOWN = abstains */
	enum policy_force force;
	bool recovered; /* from the journal, not yet borne out by fall/rise */
	enum health_flapping flapping; /* the worst of its streams, our own */
	bool answering;
	bool held;                        /* down, but in the answers as if it were up: `removals` */
	uint64_t leaves_ms;               /* monotonic; when that ends, by what is known now */
	uint64_t changed_ms;              /* monotonic */
	struct health_result last;
	uint8_t weight_pct;               /* what its checks give it, of its weight and its capacity; 100 = all */
	uint8_t start_pct;                /* slow start: the share of its weight that it has; 0 = all */
	uint64_t start_left_ms;           /* until it has all */
	const char *forced_by, *forced_reason; /* NULL where not forced */
	const char *forced_what;               /* the selector of the override that counts */
	uint64_t forced_until_ms;              /* monotonic; 0 = until auto */
	const char *window, *held_back;        /* the maintenance window that forces it; one that does not, for nobody else could answer; NULL */
	const char *missing;                   /* the service that it needs and that is down, for which it counts as down; NULL = none */
};
struct core_peer_vote { uint8_t node; enum health_verdict vote; enum health_reason reason; /* NONE = not told */ };
struct core_vote_view { /* one of the streams that a member's check asks */
	const struct plan_stream *conf;
	enum health_verdict state;     /* effective, by the service's rule of agreement */
	enum health_verdict own;       /* vote; UNKNOWN = abstains */
	struct core_peer_vote peers[PAIR_NODES_MAX - 1]; /* one each; who is not heard abstains */
	uint8_t peer_count;
	bool recovered, stale;         /* our own: as in core_target_view */
	enum health_flapping flapping;
	uint32_t penalty;
	uint64_t flap_ends_ms;         /* monotonic; of what flaps */
	struct health_result last;
};
struct core_why { /* the policy's decision on a service and what it was made from; borrowed until anything else is asked of the core */
	const struct plan_service *conf;
	uint8_t agree;                      /* enum policy_agree, never POLICY_AGREE_PAIR */
	const struct policy_input *input;   /* one a member */
	const struct policy_answer *answer; /* [0] = A, [1] = AAAA */
	struct policy_why why;
};
struct core_service_view {
	const struct plan_service *conf;
	uint8_t rule[2]; /* enum policy_rule for A, AAAA */
	int8_t tier[2];
	uint32_t ttl_s[2];
	int8_t held[2];      /* the tier that is held on to (failback), -1 = none; of a coupled service [0] is of both */
	uint32_t better[2];  /* tiers, as bits, that have enough and wait to take over from the one that serves */
	uint16_t members, members_up, answering;
	uint16_t held_members; /* down, but in the answers as if they were up: `removals` */
	bool ready;
};
struct core_override_view { const char *selector, *author, *reason; enum core_verb verb; uint64_t since_wall_ms, left_ms; uint8_t node; };
struct core_window_view { /* a maintenance window; wall times, CALENDAR_NEVER = none */
	const struct plan_window *conf;
	bool open;
	uint64_t opens_ms, closes_ms;  /* the present opening, else the next */
	uint64_t next_ms;              /* when it opens after that */
	uint32_t services, held_back;  /* it touches; of those, by which it is held back now */
	const char *held_back_by;      /* the first of these, NULL = none */
};
enum core_network_state { CORE_NETWORK_UNWATCHED = 0, CORE_NETWORK_OK, CORE_NETWORK_DOUBT, CORE_NETWORK_ISOLATED };
struct core_network { /* our own, as canaries, the twin and targets witness it */
	enum core_network_state state;
	uint64_t since_ms;               /* of DOUBT and ISOLATED: the last that was heard; monotonic */
	bool withheld;                   /* of ISOLATED: services answer SERVFAIL meanwhile (`isolated` of the pair) */
	uint32_t canaries, canaries_up;
	uint64_t unwitnessed;            /* results void for want of a witness, since the start */
};
struct core_totals { uint32_t services, members, members_up, overrides; uint64_t generation; uint32_t streams /* canaries apart */, in_flight; bool round_done; };
struct core_target_view { /* a stream: one check of one address */
	const struct plan_stream *conf;
	enum health_verdict verdict;       /* our own */
	bool shared;                       /* a twin looks in between */
	bool known, recovered, running, in_line, stale; /* stale: the verdict grew so old that it is unknown */
	enum health_breaker breaker;
	enum health_flapping flapping;
	uint32_t penalty;                  /* for flapping, now */
	uint64_t flap_ends_ms;             /* monotonic; of what flaps */
	uint64_t counted_ms, changed_ms;   /* the last result that counted, the last change; monotonic, where known */
	uint64_t late_ms;                  /* how late the last probe was started */
	uint64_t unknown_ms;               /* it stays unknown since, and its check raised an alarm; 0 = it does not */
	uint32_t services;
	struct health_result last;
};
/* The history: what changed, eldest first, at most HISTORY_MAX (core/history.c). */
size_t core_notices(const struct core *c);
void core_notice_get(const struct core *c, size_t i, struct core_notice *out);
size_t core_targets(const struct core *c); /* canaries too, behind all others */
void core_target_get(const struct core *c, size_t i, struct core_target_view *out);
/* How many targets stay unknown by a fault of their check; the first of them, where there is one. */
uint32_t core_unknown(const struct core *c, struct core_target_view *first);
/* How many targets the nodes of the pair have seen differently for two minutes; the first of them, where there is one. */
uint32_t core_disputed(const struct core *c, struct core_target_view *first);
uint64_t core_results(const struct core *c, enum health_reason r); /* of probes, canaries' too, since the start */
bool core_prober_gone(const struct core *c, uint64_t *since_ms); /* for longer than a new start takes */
const struct plan *core_plan(const struct core *c);
const struct pair *core_pair(const struct core *c); /* NULL without one */
/* In what a peer's configuration differs, as far as it tells. */
#define CORE_DIFFERENCE_NAMES 16
struct core_difference {
	unsigned parts; /* bits 1 << enum plan_part */
	uint32_t differ, only_here, only_there; /* services; all 0 where one of both does not tell them apart */
	const char *names[CORE_DIFFERENCE_NAMES]; /* the first that differ, or are only here; the plan's */
	size_t name_count;
};
bool core_difference_get(const struct core *c, uint8_t node, struct core_difference *out); /* false: it tells of none */
/* "checks, services (1 differ, 0 only here, 2 only there): www.example.test". Returns out. */
char *core_difference_text(const struct core_difference *d, char *out, size_t cap);
/* In which zones a peer serves other content than we do, as far as it tells. */
enum core_zones_state { CORE_ZONES_UNTOLD = 0 /* by one of both */, CORE_ZONES_SAME, CORE_ZONES_DIFFER };
struct core_zone_differ { const char *name; uint32_t ours, theirs; /* serials */ bool there; /* else it is only here */ };
struct core_zones_difference {
	uint32_t differ, only_here, only_there; /* all 0 where there are too many zones to tell them apart */
	struct core_zone_differ first[CORE_DIFFERENCE_NAMES]; /* names are borrowed until the next core_step */
	size_t count;
};
enum core_zones_state core_zones_get(const struct core *c, uint8_t node, struct core_zones_difference *out);
/* "1 differ, 0 only here, 0 only there: example.test (serial 4, there 3)"; "" where they are not told apart. Returns out. */
char *core_zones_text(const struct core_zones_difference *d, char *out, size_t cap);
/* How many targets a peer sees as we do. */
#define CORE_DIFFER_MAX 32
struct core_differ { const struct plan_stream *stream; uint8_t ours, theirs; }; /* enum health_verdict */
struct core_agreement {
	uint32_t targets, common, alike; /* ours; those that the peer tells of; of these, those with the same verdict */
	struct core_differ differ[CORE_DIFFER_MAX]; /* the first */
	size_t differ_count;
};
void core_agreement_get(const struct core *c, uint8_t node, struct core_agreement *out);
/* The ids of the keys that a peer has, [0] the one that it sends with. Returns how many; 0 = it did not tell. */
size_t core_peer_keys(const struct core *c, uint8_t node, uint8_t out[PAIR_KEYS_MAX]);
size_t core_services(const struct core *c);
int core_service_find(const struct core *c, const char *name); /* index or ERR_ABSENT; final dot and case ignored */
void core_service_get(const struct core *c, size_t i, struct core_service_view *out);
/* What is published, as notices tell it: "192.0.2.1 192.0.2.2", "none", "not ready". family: 0 = A, 1 = AAAA. Returns out. */
char *core_answer_text(const struct core *c, size_t service, int family, char out[NOTICE_STATE_MAX]);
void core_member_get(const struct core *c, size_t service, size_t member, struct core_member_view *out, uint64_t now_ms);
size_t core_votes(const struct core *c, size_t service, size_t member); /* 0: it has no check */
void core_vote_get(const struct core *c, size_t service, size_t member, size_t i, struct core_vote_view *out);
void core_why_get(const struct core *c, size_t service, struct core_why *out);
const char *core_service_nearest(const struct core *c, const char *name); /* what was probably meant, or NULL */
bool core_override_next(const struct core *c, size_t *pos, struct core_override_view *out, uint64_t now_ms, uint64_t wall_ms);
size_t core_windows(const struct core *c);
void core_window_get(const struct core *c, size_t i, struct core_window_view *out, uint64_t wall_ms);
bool core_round_done(const struct core *c); /* cheap; totals walk every member */
uint32_t core_round_left(const struct core *c); /* streams that the first round still waits for; 0 once it is over */
void core_network_get(const struct core *c, struct core_network *out);
const char *core_network_text(enum core_network_state s); /* "unwatched", "ok", "in doubt", "isolated" */
void core_totals_get(const struct core *c, struct core_totals *out);

#endif
