/* What the files of this room share: the state machine's memory.
 *
 *     event ─▶ core.c ─▶ schedule.c / streams.c / command.c / twin.c       mark what changed
 *                            │ dirty streams                               (intrusive lists: marking never allocates)
 *                            ▼
 *                        streams.c: votes → effective state, JOURNAL, shelf
 *                            │ dirty services
 *                            ▼
 *                        service.c: members → policy → PUBLISH
 *
 * What is marked stays marked until its effects are in the list.  So running out of memory in the middle of a step loses
 * nothing: the next step goes on where this one stopped.
 */
#ifndef GEMEL_CORE_STATE_H
#define GEMEL_CORE_STATE_H
#include "base/heap.h"
#include "base/rng.h"
#include "base/table.h"
#include "core/core.h"
#include "core/stretch.h"
#include "core/selector.h"
#include "dns/name.h"
#include "health/witness.h"
#include "pair/name.h"

#define CORE_SPREAD_MS 200      /* probes of a cold start are spread over this, or over the interval if that is shorter */
#define CORE_STARTS_PER_MS 10   /* or over longer, where that would be more of them */
#define CORE_SPREAD_MAX_MS 4000 /* but within the first round (CORE_ROUND_MAX_MS) */
#define CORE_ROUND_MAX_MS 5000  /* nobody waits longer for the first round (product promise) */
#define CORE_PROBER_GONE_MS 10000 /* a prober that is away for longer is not just being started anew */
#define CORE_SLOW_MS 10         /* a step this late: what it reads may have come any time before */
#define CORE_LATE_MS 1000       /* a step this late: we were stopped, or the machine was; the time does not count */
#define CORE_NAP_MS 200         /* a step this late: whether anybody answers us is not asked in that time (a look at each stream costs more) */
#define CORE_LOST_MS 1000       /* a result this late after its timeout is not coming: the prober lost it */
#define CORE_TILT_INTERVALS 2   /* of the slowest check */
#define CORE_TILT_MAX_MS 60000  /* a check an hour does not void those of a second for two hours */
#define CORE_OVERRIDES_MAX 1024 /* selectors; operators type them, a twin repeats them */
#define CORE_PENDING_MAX 64     /* commands that wait for the disk */
#define CORE_OVERRIDE_KEEP_MS 3600000 /* a dead override is remembered this long, so that late news cannot revive an older one */
#define CORE_REMOVALS_MS 60000 /* what `removals` bounds is how many go within this */
#define CORE_WEIGHT_KEEP 10    /* percent: a weight that moved by so much is journalled; less is not worth a write for each probe */
#define CORE_FAMILIES 2         /* [0] = A, [1] = AAAA everywhere */
#define CORE_AGREES 4           /* POLICY_AGREE_ANY_UP … LOCAL, less one */

/* ---- streams ---- */
struct hold { /* the effective state under one rule of agreement; its own EFFECTIVE record where there is a twin */
	uint8_t state;  /* enum health_verdict; UNKNOWN = nothing was ever decided */
	uint8_t weight; /* percent, of those who vote up */
	uint64_t hlc;   /* when it was decided; adopting a twin's keeps its stamp */
	uint64_t since; /* of one that is down: when the first of the twins decided so (removals.c) */
};
struct stream;
struct line { struct stream *first, **last; }; /* last NULL = empty */
struct check { const char *name; uint32_t stuck; }; /* how many of its streams stay unknown */
struct share { /* share.c; all 0 where nothing is shared */
	uint8_t said;    /* flags, as last put on the shelf */
	uint8_t alarms;  /* we raised, modulo 256: so that each is news */
	uint32_t digest; /* of the timing, as last put there */
	bool silent;     /* its probe has waited for half its time-out */
	bool called;     /* its probe, the next or the one that runs, is for a twin's alarm */
	bool again;      /* an alarm came while it ran */
};
struct target { uint32_t in_flight; struct line line; }; /* an address, whatever is asked there */
struct stream {
	const struct plan_stream *conf;
	struct heap_item timer;
	struct health_state health;
	struct health_schedule schedule;
	uint32_t run;              /* the run in flight, 0 = none */
	uint32_t timeout_ms;       /* of that run, or of the last one */
	struct target *target;
	bool in_line;              /* due, and waits for room (flight.c) */
	struct stream *next_in_line;
	uint64_t late_ms;          /* how late its last probe was started */
	uint8_t path;              /* enum health_path */
	bool doubted;              /* its last result was void for want of a witness */
	bool voided;               /* its last result was void, whatever for */
	bool mute;                 /* a canary that this machine cannot ask */
	struct check *check;
	uint64_t unknown_ms;       /* since when its results are unknown, 0 = they are not */
	bool stuck;                /* for so long that its check raises an alarm */
	uint8_t told;              /* enum health_verdict, as last told in the log */
	uint8_t heard[PAIR_NODES_MAX - 1]; /* by peer: what it said last, an enum health_verdict and 1 more; 0 = nothing */
	bool asked;                /* it waited for half its time-out: others were asked whether our network is there */
	uint8_t gaps;              /* failures in a row that were void for nothing but a gap between two words of others */
	bool kept;                 /* until then others are asked all along, as nobody else speaks: it may take the target down */
	struct share share;
	uint32_t flip_ms;          /* as last told to the services */
	uint8_t flapping;          /* enum health_flapping, as last told in the log */
	uint32_t use_at, use_count; /* services that ask it: gen->uses */
	bool bounded;               /* one of them has `removals` */
	uint8_t agrees;            /* bit i: some service decides it by agree i + 1 */
	uint8_t vote, weight;      /* own, as last put on the shelf */
	uint8_t kept_weight;       /* likewise, as the journal has it */
	bool recovered;            /* likewise */
	bool vouched;              /* recovered, but of one that left a moment ago (vouch.c) */
	uint64_t differ_ms;        /* since when observers say up and down of it (dispute.c); 0 = they do not */
	bool disputed;             /* for so long that it is told */
	bool waiting;              /* for its first result, in a round that is not over */
	bool dirty, journal, tell; /* in the list; to be journalled; to be put on the shelf */
	struct stream *next_dirty;
	struct core_stretch stretch; /* of its last results; count 0 = none yet */
	uint32_t written;          /* so many of it are in the journal; 0 = it is not */
	struct hold hold[CORE_AGREES];
};

/* ---- services ---- */
struct override;
struct member {
	uint8_t state, force;
	uint64_t changed_ms;
	uint64_t leaves_ms;        /* held: when it goes, by the core's clock_ms; 0 = it is not held */
	const struct override *by; /* who forces it, or NULL */
	/* slow.c, only where there is a slow_start */
	uint8_t absence;     /* why it was in no answer when last looked at */
	uint8_t start_pct;   /* its share of its weight; 0 = all */
	bool start_written;  /* into the journal */
	uint64_t start_ms;   /* when it came back; subtract, it may be before 0 */
	const struct window *window, *held_back; /* which window does, where no override does; which would, but is held back here */
};
struct window { /* windows.c */
	const struct plan_window *conf;
	struct selector *what; /* one a text of conf->what */
	bool open;
	bool told; /* that it is */
};
struct tier_hold { /* failback.c */
	int8_t tier;   /* -1 = none yet */
	int8_t served; /* what the last decision served; -1 = there was none */
	bool written, told; /* into the journal, on the shelf */
	uint64_t hlc;  /* when it was decided; 0 = it was the first choice */
};
struct service {
	const struct plan_service *conf;
	uint8_t agree; /* resolved: never POLICY_AGREE_PAIR */
	bool dirty, decided;
	bool was_ready; /* answered once: never again not ready */
	bool whole;     /* publish even if nothing changed */
	struct service *next_dirty;
	struct member *members;
	struct policy_answer answer[CORE_FAMILIES]; /* as published */
	struct addr *addrs[CORE_FAMILIES];
	const char *before[CORE_FAMILIES];          /* what the plan before this one answered, until that is compared; or NULL */
	struct policy_answer last[CORE_FAMILIES];   /* last good set; only for all_down = last */
	struct tier_hold hold[CORE_FAMILIES];       /* only where failback is not "auto"; of a coupled service only [0] */
	uint64_t *better_since[CORE_FAMILIES];      /* by tier: since when it has enough and waits; UINT64_MAX = it does not */
	struct heap_item failback;                  /* when a tier that waits is ripe */
	bool fail_back;                             /* an operator said so: all that wait are ripe, until the hold moved */
	bool failed_back;                           /* it moved, and only the journal is missing */
	struct heap_item slow;                      /* when a member that starts slowly gets its next share */
	uint64_t stepped_ms;                        /* when one got one last; 0 = never */
	uint16_t windows;                           /* open ones that touch it */
	bool windowed;                              /* its members know of windows */
	const struct window *held_back;             /* the first that is not applied to it, as told */
	uint8_t rank;                               /* length of the chain of needs behind it: settled behind all of those (needs.c) */
	uint8_t serves;                             /* enum health_verdict, as those who need it go by */
	uint32_t serves_flip_ms;                    /* soonest way by which one member alone could change that; UINT32_MAX = none */
	uint32_t dependent_at, dependent_count;     /* who needs it: gen->dependents */
	struct heap_item removal;                   /* when the next held member goes; by clock_ms; only with `removals` */
	uint16_t held, held_told, held_most;        /* members that are; as told last; most since it began */
};

struct down { uint64_t stamp, at_ms; const struct addr *addr; uint16_t member; }; /* removals.c */

/* Everything that is laid out after one plan; replaced as a whole by the next. */
struct gen {
	const struct plan *plan;
	struct arena arena;
	struct stream *streams;
	struct service *services;
	uint32_t *uses;
	struct window *windows; /* as in the plan */
	uint32_t *dependents; /* service indexes, a stretch a service */
	struct table keys;  /* key64 of a stream, or of an EFFECTIVE record of it → struct stream */
	struct table checks; /* by name and script → struct check */
	struct table holds; /* key64 of a service's EFFECTIVE record → struct service, where failback is not "auto" */
	struct heap failbacks; /* those services */
	struct heap slows;  /* services with a slow_start */
	struct heap removals;  /* services with `removals` */
	struct table names; /* lower-case name → struct service */
	struct heap timers; /* every stream, always */
	struct target *targets;
	struct line line;   /* of those who wait for room among all */
	uint32_t *moved;    /* index in the previous plan → index here, UINT32_MAX = gone */
	uint32_t moved_count;
	struct pair_peer_conf *peers;
	uint8_t peer_count;
	/* room for one decision at a time */
	struct policy_input *input;
	struct member *trial;
	struct down *down;
	uint64_t *leaves; /* by member: as in struct member, of that decision */
	struct policy_answer scratch[CORE_FAMILIES];
};

/* ---- overrides ---- */
struct reg { /* what one node said last about one selector */
	uint8_t node;
	uint8_t verb; /* enum core_verb */
	uint64_t hlc;
	uint64_t until_ms, until_wall; /* 0 = until auto */
	uint64_t dead_ms;              /* since when it does nothing; 0 = it does */
	char author[CORE_AUTHOR_MAX], reason[CORE_REASON_MAX];
};
struct override {
	struct override *next;
	char text[CORE_SELECTOR_MAX]; /* canonical */
	uint64_t key;
	struct selector selector;
	struct reg regs[PAIR_NODES_MAX + 1]; /* + 1: a node that left the plan may still stand in the journal */
	uint8_t reg_count;
	bool on;          /* the newest register forces something now */
	uint8_t told;     /* enum core_verb, as notices have it; 0 = nothing yet */
	uint8_t newest;   /* index of that register */
	bool tell;        /* the own register is to be put on the shelf */
	const struct reg *trial; /* a command not yet synced; counts only in trials */
};
struct pending {
	struct pending *next;
	uint32_t id;
	uint64_t seq; /* of the record that must be on the disk; 0 = of a failback that has not written one yet */
	bool done; /* in force and on the disk; only the reply is missing */
	struct override *override; /* NULL: a failback, of the service that `failback` names */
	char failback[NAME_TEXT_MAX];
	struct reg reg;
};

/* ---- effects of one step ---- */
struct effect_item { struct core_effect effect; size_t at; };
struct effects {
	struct effect_item *list;
	size_t count, cap, next;
	uint8_t *data; /* what effects point to; at = offset, since it may move while it grows */
	size_t len, data_cap;
	struct core_notice notice; /* the one told last by core_next_effect */
};

/* ---- what goes to the journal as it has room ---- */
struct budget { uint64_t filled_ms; uint32_t room; }; /* filled_ms: when room was reckoned; 0 = never */

/* ---- history ---- */
#define HISTORY_MAX 1000u /* the newest notices; about 250 octets each */
struct history_item { uint8_t *data; uint16_t len; }; /* heap; as in the journal */
struct history {
	struct history_item item[HISTORY_MAX]; /* a ring, eldest at first */
	size_t first, count;
	uint64_t last;      /* the number given last */
	struct budget budget;
};

/* ---- recorded results ---- */
#define STRETCHES_MAX 20000u /* the newest that ended, 48 octets each; at 50 on the disk a compacted journal grows by 1 MB */
struct stretches {
	struct core_stretch *ring; /* eldest at first */
	uint32_t cap, first, count;
	struct budget budget;
	uint64_t told_ms; /* wall, when the last was recorded */
};

struct peer {
	uint8_t id;
	uint8_t weight; /* of its vote, where a quorum decides */
	bool fresh, equal;
	bool looks;           /* it probes, and shares (share.c) */
	enum pair_self_state self;
	uint64_t echo_ms;
	uint64_t digest_told; /* of its configuration, when it was compared with ours last (common.c); 0 = not yet */
	bool differed;        /* and it was another */
	bool event_known;     /* news.c: the number of its event that was told last */
	uint64_t event;
	uint64_t zones_since_ms; /* it serves other zones, as far as we heard of it; 0 = it does not, or nobody knows */
	bool zones_told;         /* and that is told */
};
/* The zones that are served here, by the key under which they are told; none in the list where there are too many. */
struct own_zone { uint64_t key; char *name; uint32_t serial; uint64_t digest; };
struct own_zones { struct own_zone *list; size_t count; bool told; uint32_t all; uint64_t digest; };
struct core {
	struct gen *gen;
	struct pair *pair; /* NULL = alone */
	struct rng rng;
	uint64_t now_ms, wall_ms; /* of the present step */
	uint64_t hlc;             /* the highest stamp seen or given */
	uint64_t clock_ms;        /* UTC by which stamps are given: as the wall clock, but never back (removals.c) */
	uint64_t clock_at_ms;     /* monotonic: when it was that */
	uint64_t seq;             /* of journal records: epoch's counter above, so it rises over restarts */
	uint64_t boot, epoch;     /* for the next session; 0 = used up, ask for fresh ones */
	uint64_t epoch_asked;
	uint32_t last_run, in_flight, waiting;
	uint32_t probes_max;      /* what the descriptors of this machine allow; 0 = the plan says */
	uint64_t round_ends_ms;
	bool round_on;            /* some streams wait for their first result */
	bool round_done;          /* the first one is over */
	bool started, prober_up, nomem;
	uint64_t prober_gone_ms, prober_alarm_ms; /* since when there is none; when that is told, UINT64_MAX = it was, or there is one */
	uint64_t due_ms;          /* when the next step was wanted */
	struct stream *dirty_streams, **streams_end;
	uint32_t dirty_services; /* how many */
	struct service_line { struct service *first, **last; } service_lines[PLAN_NEEDS_DEPTH]; /* of those, by rank */
	struct override *overrides;
	size_t override_count;
	uint64_t overrides_due_ms;
	uint64_t windows_from_ms, windows_until_ms; /* wall: what is open between these; until 0 = not looked at yet */
	uint64_t news_told;       /* number of the last notice that was looked at for the shelf (news.c) */
	bool common_moved;        /* a twin told what its services are made of: holds may count that did not */
	struct own_zones zones;
	uint64_t zones_due_ms;    /* a twin's other zones are told then; UINT64_MAX = nobody's are to be */
	bool zones_moved;         /* ours are others, or a twin told of its own: compare them */
	bool zones_untold;        /* memory lacked to tell of them: once more */
	bool common_untold;       /* memory lacked to tell what this configuration is made of: once more */
	bool overrides_lost;      /* the twin's could not be stored: walk its shelf again */
	struct pending *pending, **pending_end;
	size_t pending_count;
	struct peer peers[PAIR_NODES_MAX];
	size_t peer_count;
	enum pair_self_state self;
	struct health_witness paths[HEALTH_PATHS];
	enum health_path packet_path; /* by which the present step's packet came */
	bool packet_kept;         /* it came by a connection, which says again what got lost */
	uint8_t share_said;       /* what our NODE record says, and 1 more; 0 = there is none */
	uint64_t unwitnessed;     /* results that were void for want of a witness, since the start */
	bool maint;               /* an operator's word; not remembered over a start */
	uint64_t maint_until_ms;  /* 0 = until "off" */
	bool put_back;            /* the wall clock was, before this life: by the journal's ends of overrides */
	uint64_t tilt_until_ms;   /* results of this time are no proof of a failure */
	uint64_t results[HEALTH_REASON_MAX]; /* by reason, since the start */
	uint64_t isolated_ms;     /* since when nobody answers us; 0 = somebody does */
	bool withheld;            /* and meanwhile services answer SERVFAIL */
	uint64_t answered_ms;     /* when somebody on a real network did last, whenever he was asked; 0 = never */
	uint64_t answers_ms;      /* since when nobody was missed there for longer than our patience */
	uint64_t ask_ms[HEALTH_PATHS]; /* others are not asked again before */
	uint64_t slow_ms;         /* the last step that came late: what was asked before it may have been heard long ago */
	uint32_t ask_next;        /* the stream that is looked at first then */
	uint32_t disputes_untold; /* that began since the last alarm about them */
	uint64_t dispute_quiet_ms; /* until then none is raised */
	uint64_t begun_ms;        /* the first step */
	struct target *only[HEALTH_PATHS]; /* the one target that is probed on this path; NULL = none, or several */
	bool lone_told[HEALTH_PATHS];     /* that nobody else can witness for it */
	bool loss_told[HEALTH_PATHS];     /* in this doubt */
	uint32_t hushed[HEALTH_PATHS];    /* streams that became unknown in it without a line of their own; 0: for want of a prober */
	struct effects effects;
	struct history history;
	struct stretches past;
	uint32_t session;         /* counts the starts of this server, where the epoch can be written */
	bool continues;           /* as core_start has it */
	bool replays;             /* results come from a record: nobody is probed, each is taken as it stands */
	struct budget heard;       /* for twins' verdicts */
	uint32_t unheard;          /* changes of those that were left out since the last one that was told */
	const char *cause;         /* of what the present step changes */
	char why[NOTICE_REASON_MAX]; /* the verdict or override that the present step told last */
};

/* ---- effects.c ---- */
void effects_deinit(struct effects *e);
void effects_clear(struct core *c);
/* Room for one effect with len octets beside it; false sets c->nomem. After it effect_put cannot fail. */
bool effect_room(struct core *c, size_t len) MUST_CHECK;
void effect_put(struct core *c, const struct core_effect *e, const void *data, size_t len);
bool effect_journal(struct core *c, const uint8_t *record, size_t len, bool sync) MUST_CHECK; /* c->seq is its number */
void effect_reply(struct core *c, uint32_t id, bool refused, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* A bucket of at_once, which fills by per_s. */
bool budget_take(struct budget *b, uint32_t per_s, uint32_t at_once, uint64_t now_ms) MUST_CHECK;

/* ---- history.c ---- */
/* Tells of it, numbers it and keeps it; fills in time and, where it is empty, the observer: this node. */
void notice_put(struct core *c, struct core_notice *n);
int history_take(struct core *c, struct rbuf *r); /* behind the record's type */
int history_emit(const struct core *c, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx);
void history_deinit(struct history *h);
void notice_alarm(struct core *c, const char *peer, const char *what); /* peer NULL = about this node */

/* ---- generation.c ---- */
int gen_new(struct gen **g, const struct plan *p) MUST_CHECK;
void gen_free(struct gen *g);
void gen_init_streams(struct core *c, struct gen *g);          /* all of them new */
void gen_carry(struct core *c, struct gen *g);                 /* from c->gen by key and name; the rest new */
struct stream *gen_stream(const struct gen *g, uint64_t key);  /* NULL = absent */
void selector_resolve(struct selector *s, const char *text, const struct gen *g);
struct service *gen_service(const struct gen *g, const char *name, size_t len); /* lower-case */
const struct plan_node *gen_self(const struct gen *g);

/* ---- schedule.c ---- */
void schedule_start(struct core *c, struct stream *s);      /* at once, spread */
void schedule_timer(struct core *c, struct stream *s);      /* after any change of it */
void schedule_run(struct core *c);                          /* what is due */
void schedule_prober(struct core *c, bool up);
void schedule_void(struct core *c, struct stream *s);       /* forgets the run in flight */
void schedule_void_all(struct core *c);
void schedule_shift(struct core *c, uint64_t by_ms);        /* we did not run for that long */
void schedule_alarm(struct core *c);                        /* a prober that stays away */

/* ---- share.c ---- */
bool share_is_news(const struct core *c, const struct stream *s); /* its shelf has to hear something, or what we do changes */
void share_settle(struct core *c, struct stream *s);              /* by turns, or not; sets s->tell for what is news */
void share_result(struct core *c, struct stream *s);              /* fed, and the next probe is placed as if alone */
void share_silent(struct core *c, struct stream *s);              /* half of its time-out is over */
void share_hear(struct core *c, struct stream *s, const struct pair_record *r);
void share_tell(struct core *c);                                  /* our NODE record */
bool share_peer_looks(const struct core *c, uint8_t node);
size_t share_value_put(uint8_t *out, const struct share *h);      /* the end of a VERDICT: SHARE_LEN, or 0 */
#define SHARE_LEN 6

/* ---- flight.c ---- */
bool flight_has_room(struct core *c, struct stream *s) MUST_CHECK; /* false: it waits in line */
void flight_begin(struct core *c, struct stream *s, uint32_t run);
void flight_end(struct core *c, struct stream *s); /* nothing where none runs */

/* ---- streams.c ---- */
void stream_result(struct core *c, uint32_t index, uint32_t run, const struct health_result *r);
void stream_touch(struct core *c, struct stream *s, bool changed); /* its health moved; changed: the verdict too */
void stream_flap_tick(struct core *c, struct stream *s); /* time has passed, which ends flapping and what it held */
void stream_mark(struct core *c, struct stream *s);
void streams_mark_all(struct core *c);
void streams_settle(struct core *c);
uint64_t stream_effective_key(const struct gen *g, const struct stream *s, uint8_t agree);
enum pair_vote stream_own_vote(const struct stream *s);
/* Of the first member that asks it; the probed address where none does. A twin may probe the same member somewhere else. */
const struct addr *stream_member_addr(const struct core *c, const struct stream *s);
enum pair_vote stream_peer_vote(const struct core *c, const struct stream *s, uint8_t node, uint8_t *weight);
void round_begin(struct core *c);
void round_check(struct core *c);
void round_leave(struct core *c, struct stream *s); /* it waits no longer */

/* ---- stretch.c ---- */
void stretch_feed(struct core *c, struct stream *s, const struct health_result *r);
void stretch_turn(struct core *c, struct stream *s); /* its last result turned the verdict */
void stretch_end(struct core *c, struct stream *s);
int stretches_take(struct core *c, struct rbuf *r); /* behind the record's type */
int stretches_emit(const struct core *c, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx);
void stretches_deinit(struct stretches *p);

/* ---- watch.c ---- */
void watch_plan(struct core *c); /* after a new plan: who witnesses on which path */
void watch_self(struct core *c); /* NORMAL or ISOLATED, where it is one of them */
/* Something on this path answered what was asked at from_ms; beat: a canary, or the twin; kept: by a connection. */
void watch_success(struct core *c, enum health_path path, uint64_t from_ms, bool beat, bool kept);
void watch_echo(struct core *c, uint64_t sent_ms); /* the twin answered what we sent then */
void watch_stray(struct core *c, const struct stream *s, const struct health_result *r); /* of a probe that was given up */
void watch_rested(struct core *c, uint64_t by_ms); /* we did not run for that long */
void watch_canary(struct core *c, struct stream *s, struct health_result *r);
/* A target's result: an answer is a witness for others; a silence without one becomes HEALTH_UNWITNESSED. */
void watch_result(struct core *c, struct stream *s, struct health_result *r);
void watch_ask(struct core *c, const struct stream *s); /* s is silent: are the others there? */
void watch_cut_off(struct core *c); /* the machine knows that nobody can be reached: no patience is needed */
/* A probe begins whose failure may take the target down; on a path where nobody speaks others are asked with it, and on until it has
 * waited for half its time-out. */
void watch_begin(struct core *c, struct stream *s);
void watch_keep(struct core *c, const struct stream *s);
uint64_t watch_keep_at(const struct core *c, const struct stream *s);
/* s became unknown. True where our own network or prober is why: that is told once for all, not once a stream. */
bool watch_hushes(struct core *c, const struct stream *s);

/* ---- dispute.c ---- */
void dispute_votes(struct core *c, struct stream *s, bool up, bool down); /* what the observers say whose votes count */
uint64_t dispute_at(const struct stream *s);                              /* when it will have lasted; UINT64_MAX = never */
void dispute_tick(struct core *c, struct stream *s);
void dispute_tell(struct core *c);

/* ---- unknown.c ---- */
int unknown_index(struct gen *g) MUST_CHECK;               /* which check a stream is of */
void unknown_carry(struct core *c, struct gen *g);         /* after the streams are carried from c->gen */
void unknown_feed(struct core *c, struct stream *s, const struct health_result *r);

/* ---- service.c ---- */
void service_mark(struct core *c, struct service *s);
void services_mark_all(struct core *c, bool whole);
void services_unmark_all(struct core *c); /* another generation's */
void services_of_stream_mark(struct core *c, const struct stream *s);
void services_settle(struct core *c);
/* "192.0.2.1 192.0.2.2", "none", "not ready": what is published. Returns out. */
char *service_answer_text(const struct service *s, int f, char out[NOTICE_STATE_MAX]);
enum health_verdict service_member_state(const struct core *c, const struct service *s, size_t i);
uint8_t service_member_weight(const struct core *c, const struct service *s, size_t i); /* percent, by its checks */
enum health_verdict service_member_own(const struct core *c, const struct service *s, size_t i); /* by its check alone */
/* Fills the generation's scratch as the policy would decide with these forces. */
void service_decide(const struct core *c, const struct service *s, const struct member *forces);
void service_decide_why(const struct core *c, const struct service *s, const struct member *forces, struct policy_why *why);

/* ---- windows.c ---- */
int windows_init(struct gen *g) MUST_CHECK;
void windows_carry(struct core *c, struct gen *g); /* what was told of them; before services are carried */
void windows_run(struct core *c);                  /* what opens and closes */
uint64_t windows_due_ms(const struct core *c);     /* monotonic */
/* Where no override forces a member, what the open windows make of it; fills force, window and held_back. */
void windows_force(const struct core *c, const struct service *s, struct member *members);
void windows_settle(struct core *c, struct service *s); /* before a decision */
void window_view_member(const struct core *c, const struct member *m, struct core_member_view *out);
const struct window *window_same(const struct gen *g, const struct window *old); /* of another generation; NULL = gone */

/* ---- needs.c ---- */
int needs_index(struct gen *g) MUST_CHECK; /* ranks, and who needs whom */
/* The first service that member i needs and that is known not to serve, or NULL. */
const struct service *needs_missing(const struct core *c, const struct service *s, size_t i);
/* The soonest way to a change of member i, whose own check says `own` and may change in own_ms. */
uint32_t needs_flip_ms(const struct core *c, const struct service *s, size_t i, enum health_verdict own, uint32_t own_ms);
void needs_follow(struct core *c, struct service *s); /* it is settled: those who need it may have to follow */

/* ---- failback.c ---- */
int failback_init(struct gen *g, struct service *s) MUST_CHECK;
void failback_carry(struct service *s, const struct service *old); /* to the next plan */
void failback_forget(struct core *c, const struct service *s);     /* it is no more, or holds no more */
void failback_recover(struct core *c, struct service *s, int h, uint8_t tier, uint64_t hlc);
void failback_adopt(const struct core *c, struct service *s);      /* a twin's hold, where it is newer */
void failback_fill(const struct core *c, const struct service *s, struct policy_held out[CORE_FAMILIES]);
bool failback_follow(struct core *c, struct service *s); /* after a decision; true = the hold moved: decide again */
bool failback_settle(struct core *c, struct service *s) MUST_CHECK; /* journal and shelf; false = no memory */
void failback_run(struct core *c);                       /* what is ripe */
void failback_learn(struct core *c, const struct pair_record *r);
void failback_mark_all(struct core *c, bool retell);
void failback_shift(struct core *c, uint64_t by_ms);
enum failback_can { FAILBACK_NONE = 0, FAILBACK_YES, FAILBACK_AUTO, FAILBACK_NOTHING };
enum failback_can failback_ask(const struct service *s); /* AUTO: nothing is held; NOTHING: no better tier has enough */

/* ---- slow.c ---- */
int slow_init(struct gen *g, struct service *s) MUST_CHECK;
/* To the next plan. */
void slow_carry(const struct core *c, struct service *s, struct member *m, const struct service *old, const struct member *was);
void slow_recover(struct core *c, struct service *s, size_t i, uint64_t begun_wall_ms);
void slow_follow(struct core *c, struct service *s);       /* before a decision: who came back, and the shares */
bool slow_settle(struct core *c, const struct service *s) MUST_CHECK; /* journal; false = no memory */
void slow_run(struct core *c);                             /* whose share grows now */
uint64_t slow_left_ms(const struct service *s, const struct member *m, uint64_t now_ms); /* until its weight is whole */

/* ---- removals.c ---- */
int removals_init(struct gen *g, struct service *s) MUST_CHECK;
void removals_carry(struct service *s, const struct service *old); /* to the next plan */
bool removals_heeds(const struct service *s);                      /* it has a bound */
void removals_tick(struct core *c);                                /* once a step, before anything is stamped */
/* Those over the bound count as up; gen->leaves tells whom. in[].force is set. */
void removals_fill(const struct core *c, const struct service *s, struct policy_input *in);
void removals_settle(struct core *c, struct service *s);           /* after the last decision of a step */
void removals_run(struct core *c);                                 /* whose minute is over */
uint64_t removals_due(const struct core *c);                       /* monotonic; UINT64_MAX = nobody is held */

/* ---- override.c ---- */
uint64_t core_stamp(struct core *c);                  /* a fresh HLC stamp */
void core_absorb(struct core *c, uint64_t hlc);
struct override *override_get(struct core *c, const char *text); /* finds or makes; NULL = no memory or over the bound */
struct override *override_find(const struct core *c, const char *text);
/* Takes a node's latest word, whatever it said before: true where it is news. Does not refresh. */
bool override_set(struct core *c, struct override *o, const struct reg *r);
bool override_drop(struct core *c, struct override *o, uint8_t node); /* false = it had no say */
void override_refresh(struct core *c, struct override *o); /* after a change: forces, notices, timer */
void override_known(const struct core *c, struct override *o); /* what the journal has is no news */
void overrides_run(struct core *c);      /* expiry and the end of what is long dead */
void overrides_redate(struct core *c);   /* in the journal, after the wall clock was set */
void overrides_resolve(struct core *c);  /* under a new plan */
void overrides_settle(struct core *c);   /* own registers to the shelf */
bool override_is_on(const struct core *c, const struct reg *r);
void override_forces(const struct core *c, const struct service *s, struct member *members, bool trial);
const char *core_verb_text(uint8_t verb);

/* ---- command.c ---- */
int command_take(struct core *c, const struct core_command *cmd);
void command_synced(struct core *c, uint64_t seq);
void command_wrote_failback(struct core *c, const struct service *s); /* the record with c->seq is of a tier that an operator moved */
void commands_settle(struct core *c);

/* ---- hear.c ---- */
void hear_verdict(struct core *c, struct stream *s, const struct pair_record *r); /* a twin's, which was written anew */
void hear_nothing(struct core *c, size_t peer); /* at this place another node stands now */
void hear_self(struct core *c, uint8_t node, enum pair_self_state was, enum pair_self_state is);

bool hear_may_be_told(struct core *c, uint8_t node); /* false: too much was told of that of late */

/* ---- news.c ---- */
void news_tell(struct core *c);                               /* ours go on the shelf */
void news_learn(struct core *c, const struct pair_record *r); /* a twin's */

/* ---- common.c ---- */
/* What this node has goes on the shelf; old: the plan before, or NULL. */
void common_tell(struct core *c, const struct plan *old);
bool common_service(const struct core *c, uint8_t node, const struct plan_service *s); /* it is alike there, or not told */
void common_follow(struct core *c, struct peer *p, const struct pair_peer_view *v);    /* tells when configurations part, or meet again */
void common_warn_keys(struct core *c);

/* ---- zones.c ---- */
#define CORE_ZONES_PATIENCE_MS 60000 /* files reach two machines some time apart */
int zones_take(struct core *c, const struct core_zone *list, size_t count, uint64_t digest); /* ERR_NOMEM: the old ones stay */
void zones_tell(struct core *c); /* all that are ours, on the present shelf */
void zones_run(struct core *c);
void zones_free(struct own_zones *z);

/* ---- twin.c ---- */
const char *core_node_name(const struct core *c, uint8_t node); /* "?" where the plan has none such */
int twin_start(struct core *c);  /* a pair where the plan has one and fresh randomness is at hand; else asks for it */
int twin_plan(struct core *c, const struct plan *old); /* after a new plan; may end or begin the pair */
void twin_epoch(struct core *c, uint64_t epoch, uint64_t boot);
void twin_run(struct core *c);   /* timers, changes, freshness */
void twin_flush(struct core *c); /* datagrams and streams out */
void twin_stream(struct core *c, const struct core_event *e);
void twin_leave(struct core *c);  /* we are being stopped */
int maint_take(struct core *c, const struct core_command *cmd);
void maint_run(struct core *c);   /* its time may be over */
void twin_forget(struct core *c, const struct stream *s);

/* ---- vouch.c ---- */
/* The verdict is memory, of nobody knows when: its D is no vote. */
static inline bool stream_is_memory(const struct stream *s)
{
	return s->health.recovered && !s->vouched;
}
int vouch_take(struct core *c, struct rbuf *r); /* a record, after its type */

/* ---- records.c ---- */
enum record_type {
	RECORD_NONE = 0, RECORD_VERDICT, RECORD_OVERRIDE, RECORD_LAST, RECORD_TIER, RECORD_NOTICE, RECORD_STRETCH, RECORD_START,
	RECORD_FRESH
};
void record_verdict_put(struct wbuf *w, const struct stream *s, uint64_t now_ms, uint64_t wall_ms);
void record_override_put(struct wbuf *w, const char *selector, const struct reg *r, uint64_t now_ms);
/* Addresses from `from` on, as many as fit; returns where to go on. */
size_t record_last_put(struct wbuf *w, const struct service *s, int family, size_t from);
void record_tier_put(struct wbuf *w, const struct service *s, int h);
void record_start_put(struct wbuf *w, const struct service *s, size_t member, uint64_t now_ms, uint64_t wall_ms);
int record_take(struct core *c, const uint8_t *record, size_t len);
size_t value_verdict_put(uint8_t out[PAIR_VALUE_MAX], const struct stream *s, uint64_t now_ms);
size_t value_effective_put(uint8_t out[PAIR_VALUE_MAX], const struct hold *h);
size_t value_admin_put(uint8_t out[PAIR_VALUE_MAX], const char *selector, const struct reg *r, uint64_t now_ms);
enum health_reason value_verdict_reason(const struct pair_record *r); /* of one that value_verdict_get takes */
bool value_verdict_get(const struct pair_record *r, enum health_verdict *v, bool *recovered, uint8_t *weight);
bool value_effective_get(const struct pair_record *r, struct hold *h);
size_t value_tier_put(uint8_t out[PAIR_VALUE_MAX], const struct tier_hold *h);
bool value_tier_get(const struct pair_record *r, uint8_t *tier, uint64_t *hlc);
bool value_admin_get(const struct pair_record *r, char selector[CORE_SELECTOR_MAX], struct reg *out, uint64_t now_ms);
void text_clean(char *s); /* what a terminal must not see becomes '?' */

#endif
