/* Two whole cores, in some runs three, under one virtual clock, between them a network that hates them.
 *
 *     chaos ──▶ back ends die and return, seen by both nodes or by one only      (world.c does, chaos.c chooses)
 *           ──▶ network: loss, duplicates, delay and reordering, one-way cuts, partitions, UDP or TCP alone; an attacker
 *               who says again whatever he saw, held back, changed, or by a connection of his own                (wire.c)
 *           ──▶ in some runs two paths between each two nodes, by a second pair of addresses, with wires of their own (paths.c)
 *           ──▶ a node's own uplink goes, seen by its machine or not, and comes back: it is ISOLATED meanwhile
 *           ──▶ in some runs the keys are changed, in the right order or not                        (keys.c)
 *           ──▶ operators: down, up, drain, auto with and without expiry, and maintenance, on either node
 *           ──▶ kill -9 and restart from the journal, cut at a random octet behind what was synced (or anywhere), wiped, or
 *               put back to what it was some time ago; stops with a bye; absences; upgrades
 *           ──▶ pauses, clocks that drift and wall clocks that jump by a day
 *           ──▶ probers come and go, disks are slow, configurations change, and zone files on one node or all (zones.c)
 *     then all is healed, and after a quiet while the nodes must agree with each other and with the truth
 *
 * The oracles recompute after every step, slowly and on their own, what must be so: oracle.c, oracle_sets.c and oracle_end.c what is
 * decided (invariants 4 to 7 and 10 of the design), oracle_pair.c what is known of each other (1 to 3), oracle_shelves.c that all is
 * known alike at the end and whose word counts (4 and 7), oracle_uplink.c what silence may mean (5).
 */
#ifndef GEMEL_TESTS_SIM_H
#define GEMEL_TESTS_SIM_H
#include "base/rng.h"
#include "core/core.h"
#include "pair/name.h"

#define SIM_NODES 3 /* at most */
#define SIM_PATHS 2 /* from a node to another, each by a pair of addresses; at most */
#define SIM_PLANS 2
#define SIM_SHAPES 5
#define SIM_KEY_FILES 4
#define SIM_SHAPE_TIMINGS 3 /* whose two plans probe differently */
#define SIM_BACKENDS 6
#define SIM_ZONES 5
#define SIM_ZONES_TOLD_MAX 128 /* by one node in a run */
#define SIM_SERVICES_MAX 6
#define SIM_MEMBERS_MAX 8
#define SIM_QUEUE_MAX 2048
#define SIM_STORE_MAX 64 /* packets that the attacker keeps */
#define SIM_PIPES_MAX 12
#define SIM_PIPE_PIECES 32
#define SIM_LOG_MAX 4096 /* records that one node wrote in a run */
#define SIM_DAY_MS 86400000
#define SIM_COMMANDS_MAX 48
#define SIM_OTHER_COMMAND 1000 /* the number of those that are no override */
#define SIM_STEPS_MAX 60000 /* of one run: more is a loop that feeds itself */
#define SIM_CHAOS_MS 8000
#define SIM_STILL_MS 1500   /* at its very end nothing at all is left to record */
/* Failure detection, recovery and the twin's return all fit in, also of who is behind its own time: a silence that began before the
 * heal and is void, then three that count, each of up to two intervals of a second (health_timeout_ms), less with each 2 s. */
#define SIM_QUIET_MS 10000

enum sim_what { SIM_NONE = 0, SIM_PACKET, SIM_RESULT, SIM_SYNC, SIM_START, SIM_CHAOS, SIM_UPLINK, SIM_TELL_ZONES, SIM_EPOCH, SIM_PATH, SIM_KEYS };
struct sim_item { uint64_t at; uint8_t what, node; uint32_t life; uint32_t a, b; uint64_t seq, made; uint32_t timeout; uint16_t reason; bool void_, theirs; /* it is truly the target's */ };
/* taken: the life of the receiver in which it counted; 0 = in none */
struct sim_packet { uint8_t to, from, path; bool stream, broken; uint16_t len; uint64_t made; uint32_t taken; uint8_t data[PAIR_PACKET_MAX]; };
struct sim_piece { uint64_t at; struct sim_packet packet; };
struct sim_pipe { /* a connection; end 0 opened it */
	bool used, open, ended;
	int opener, other, path;
	uint32_t id[2]; /* 0 = nobody at this end */
	uint64_t opens;
	struct sim_piece way[2][SIM_PIPE_PIECES]; /* from that end */
	uint32_t count[2];
	bool drained[2]; /* this end will hear that its socket has room */
};
struct sim_written { uint64_t epoch, seq, key, hash; uint8_t kind, len; bool over; /* a later one of its epoch took its place */ };

struct sim_set { bool published, ready; uint16_t count; uint32_t ttl; struct addr addrs[SIM_MEMBERS_MAX]; };
struct sim_node {
	struct core *core;       /* NULL while it is away */
	uint32_t life;           /* counts restarts: what was meant for an earlier one is void */
	uint64_t clock_off, wall_off, epoch;
	int32_t drift_ppm;
	uint64_t paused_until, away_until, jumped; /* jumped: its wall clock, last; 0 = not in this life */
	struct bytes backup;     /* its disk as it was once; with the epoch of then */
	uint64_t backup_epoch;
	uint8_t shape_plan;      /* which of the shape's plans it runs */
	uint8_t keys, key_file;  /* in force, and as its file says (keys.c) */
	bool continues;          /* its next life is in the place of one that left a moment ago */
	bool prober, lossy;      /* lossy: synced records were lost */
	struct bytes journal;
	size_t synced;           /* octets that a crash cannot take */
	uint64_t born;           /* virtual time of this life */
	struct sim_set sets[SIM_SERVICES_MAX][2];
	uint64_t known;          /* commands this node has seen, a bit each */
	uint64_t deadline;       /* of its core, as of its last step */
	bool lost, unplugged;    /* its own uplink; unplugged: and the machine sees it */
	uint64_t lost_at, whole_at, prober_at; /* since when */
	uint32_t zones[SIM_ZONES];             /* files: which version of each, 0 = none */
	uint64_t zones_digest, zones_told[SIM_ZONES_TOLD_MAX];
	uint32_t zones_digests;
};
struct sim_command { char selector[40]; enum core_verb verb; uint64_t until; uint8_t node; bool refused, sure; size_t written; /* in the journal up to here */ uint64_t over; /* commands it comes after */ };
struct sim_memory_member { const char *service; struct addr addr; enum health_verdict state, own; bool missing, old; /* so old that it may be unknown any moment */ };
struct sim_memory { /* what a node knows, to compare across a restart or a new configuration */
	size_t count;
	uint64_t overrides;
	bool round_done;
	bool jumped;             /* its clock did, and it has not noticed */
	struct sim_memory_member members[SIM_SERVICES_MAX * SIM_MEMBERS_MAX];
};
struct sim {
	uint64_t seed, now, steps, wall_most, wall_at; /* what any clock showed so far, and would show now */
	bool loud, failed, quiet; /* quiet: probers lose nothing and break nothing any more */
	struct rng rng;
	uint8_t shape;
	enum sim_place { SIM_HOME, SIM_AWAY, SIM_CANARIES } place; /* on loopback; on a real network, each the other's witness; and with canaries */
	int count; /* of nodes in this run */
	int paths;        /* between two of them */
	unsigned spared;  /* those that nothing happens to, a bit each */
	bool blocked;     /* by a firewall: no datagrams at all, and of the connections' paths one is dead or dies (paths.c) */
	bool keys, keys_err; /* they are changed; and somebody errs */
	uint64_t chaos_ms; /* for so long */
	enum core_event_type event; /* of the present step */
	uint32_t late_records;
	struct sim_node nodes[SIM_NODES];
	bool alive[SIM_BACKENDS], seen[SIM_NODES][SIM_BACKENDS]; /* the truth, and the paths to it */
	struct sim_wire { uint8_t loss, dup; uint16_t delay, jitter; bool cut; } net[SIM_NODES][SIM_NODES][SIM_PATHS]; /* datagrams, from and to */
	struct sim_line { uint16_t delay; bool cut; } tcp[SIM_NODES][SIM_NODES][SIM_PATHS]; /* connections, by the lower and the higher */
	uint32_t accepted, store_count;
	struct sim_command commands[SIM_COMMANDS_MAX];
	uint32_t command_count, zone_version;
	struct sim_packet *packets; /* of the queue's items */
	uint32_t free[SIM_QUEUE_MAX], free_count, used[SIM_QUEUE_MAX], used_count;
	char fault[400];
	/* The great ones last: a run begins without clearing them, only what is in use of them is looked at. */
	struct sim_pipe pipes[SIM_PIPES_MAX];
	struct sim_packet store[SIM_STORE_MAX];
	struct sim_item queue[SIM_QUEUE_MAX];
};

/* ---- world.c ---- */
void sim_tell(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_fail(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_begin(struct sim *s, uint64_t seed);
void sim_end(struct sim *s);
void sim_run_to(struct sim *s, uint64_t at);
void sim_step(struct sim *s, int node, const struct core_event *e);
struct sim_item *sim_push(struct sim *s, uint64_t at, enum sim_what what, int node);
int sim_backend(const struct addr *a); /* by its last octet */
uint64_t sim_mono(const struct sim *s, int node);
uint64_t sim_wall(const struct sim *s, int node);

/* ---- lives.c ---- */
/* What a new start finds on the disk. */
enum sim_disk { SIM_DISK_SYNCED, SIM_DISK_ANY /* cut anywhere */, SIM_DISK_WIPED, SIM_DISK_BACKUP };
void sim_kill(struct sim *s, int node, enum sim_disk disk, bool bye, uint64_t away_ms);
void sim_upgrade(struct sim *s, int node); /* another core takes its place */
void sim_start(struct sim *s, int node);
void sim_jump(struct sim *s, int node, int64_t by_ms);
void sim_backup(struct sim *s, int node);
void sim_reload(struct sim *s, int node, uint8_t plan);
void sim_prober(struct sim *s, int node, bool up);
void sim_uplink(struct sim *s, int node, bool lost);

/* ---- plans.c ---- */
const struct plan *sim_plan(const struct sim *s, int node);
/* A text about back ends on loopback, as it reads where this run takes place. */
#define SIM_TEXT_MAX 4096
const char *sim_placed(const struct sim *s, const char *text, char out[SIM_TEXT_MAX]);

/* ---- wire.c ---- */
struct sim_line *wire_line(struct sim *s, int a, int b, int path); /* of either order */
void wire_send(struct sim *s, int node, const struct core_effect *e);
void wire_connection(struct sim *s, int node, const struct core_effect *e);
void wire_deliver(struct sim *s, const struct sim_packet *p);
uint64_t wire_due(const struct sim *s, int *pipe);
void wire_run(struct sim *s, int pipe);
void wire_forget(struct sim *s, int node, bool silently);
void wire_attack(struct sim *s);

/* ---- chaos.c ---- */
void chaos_begin(struct sim *s);
void chaos_act(struct sim *s);
void chaos_heal(struct sim *s);

/* ---- paths.c ---- */
void paths_begin(struct sim *s);
unsigned paths_some(struct sim *s); /* a bit each; those that may be touched */
void paths_turned(struct sim *s);   /* a wire is another now */
void paths_die(struct sim *s, uint32_t path); /* for connections */
void paths_after_step(struct sim *s, int node);
void paths_sent(struct sim *s, const struct sim_packet *p);
void paths_arrived(struct sim *s, const struct sim_packet *p);

/* ---- keys.c ---- */
void keys_begin(struct sim *s);
void keys_act(struct sim *s);
void keys_put(struct plan_pair *p, uint8_t keys);
void keys_taken(struct sim *s, int node);       /* it reads its file */
uint64_t keys_fit_since(const struct sim *s);   /* UINT64_MAX = some node cannot open what another seals */
bool keys_has(const struct sim *s, int node, const struct sim_packet *p); /* the one that it is sealed with */
void keys_sent(struct sim *s, int node, const uint8_t *packet);
void keys_packet_begins(const struct sim *s, const struct sim_packet *p);
void keys_packet_ends(struct sim *s, const struct sim_packet *p);
void keys_at_the_end(struct sim *s);

/* ---- zones.c ---- */
void zones_begin(struct sim *s);
void zones_turn(struct sim *s, int node);
void zones_tell_soon(struct sim *s, int node);
void zones_tell_now(struct sim *s, int node);
void zones_heal(struct sim *s);
void zones_after_step(struct sim *s, int node);
void zones_at_the_end(struct sim *s);

/* ---- oracle_pair.c ---- */
void oracle_pair_begin(struct sim *s);
void oracle_pair_started(struct sim *s, int node);
void oracle_pair_after_step(struct sim *s, int node);
void oracle_sent(struct sim *s, int node, const uint8_t *packet);
void oracle_packet_begins(struct sim *s, const struct sim_packet *p);
void oracle_packet_ends(struct sim *s, const struct sim_packet *p);
void oracle_jumped(struct sim *s, int node, int64_t by_ms);
void oracle_pair_at_the_end(struct sim *s);
bool oracle_tilt_was_seen(const struct sim *s, int node);

/* ---- oracle_shelves.c ---- */
void oracle_shelves_begin(struct sim *s);
void oracle_shelves_started(struct sim *s, int node);
void oracle_shelves_after_step(struct sim *s, int node);
void oracle_shelves_rest(struct sim *s);
void oracle_shelves_at_the_end(struct sim *s);

/* ---- oracle_uplink.c ---- */
void oracle_uplink_begin(struct sim *s);
void oracle_result(struct sim *s, const struct sim_item *i, const struct core_target_view *before, const struct core_target_view *after);
void oracle_uplink_after_step(struct sim *s, int node);
void oracle_cut_off(struct sim *s, int node);

/* ---- oracle.c ---- */
void oracle_after_step(struct sim *s, int node);
void oracle_replied(struct sim *s, uint32_t id, bool refused);
/* The views of one node's members, taken once a step: many questions are asked of each. */
extern struct core_member_view oracle_looked[SIM_SERVICES_MAX][SIM_MEMBERS_MAX];
void oracle_look(const struct sim *s, int node);
uint8_t oracle_agree_of(const struct plan *p, const struct plan_service *v);
int oracle_weight_of(const struct sim *s, int node, uint8_t id);
int oracle_quorum_of(const struct plan *p, int up, int down); /* -1 = neither */
/* A member's state by its votes, and what it needs. Where nobody knows whether that serves, the member itself says it. */
int oracle_with_needs(const struct sim *s, int node, size_t v, size_t i, const struct core_member_view *m, int state);

/* ---- oracle_sets.c ---- */
void oracle_sets_begin(int node); /* anew, or with a new configuration */
/* round_over: else members that wait for their first result are left out, or `initial` decides. */
void oracle_set(struct sim *s, int node, size_t v, const struct policy_input *in, bool round_over);
void oracle_published(struct sim *s, int node, const struct core_publish *p);
void oracle_failback(struct sim *s, int node, const char *service); /* an operator asks for it */

/* ---- oracle_end.c ---- */
void oracle_remember(struct sim *s, int node, struct sim_memory *m);
void oracle_compare(struct sim *s, int node, const struct sim_memory *before, bool restart);
void oracle_at_the_end(struct sim *s);

#endif
