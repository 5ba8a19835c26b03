/* Two whole cores under one virtual clock, between them a network that hates them.
 *
 *     chaos ──▶ back ends die and return, seen by both nodes or by one only      (world.c does, chaos.c chooses)
 *           ──▶ network: loss, duplicates, delay and reordering, one-way cuts, partitions
 *           ──▶ operators: down, up, drain, auto with and without expiry, on either node
 *           ──▶ kill -9 and restart from the journal, cut at a random octet behind what was synced (or anywhere)
 *           ──▶ probers come and go, disks are slow, configurations change
 *     then all is healed, and after a quiet while the nodes must agree with each other and with the truth
 *
 * The oracle (oracle.c) recomputes after every step, slowly and on its own, what must be so.
 */
#ifndef GEMEL_TESTS_SIM_H
#define GEMEL_TESTS_SIM_H
#include "base/rng.h"
#include "core/core.h"

#define SIM_NODES 2
#define SIM_PLANS 2
#define SIM_SHAPES 4
#define SIM_BACKENDS 6
#define SIM_SERVICES_MAX 6
#define SIM_MEMBERS_MAX 8
#define SIM_QUEUE_MAX 2048
#define SIM_COMMANDS_MAX 48
#define SIM_STEPS_MAX 60000 /* of one run: more is a loop that feeds itself */
#define SIM_CHAOS_MS 8000
#define SIM_STILL_MS 1500   /* at its very end nothing at all is left to record */
#define SIM_QUIET_MS 6500   /* failure detection, recovery and the twin's return all fit in */

enum sim_what { SIM_NONE = 0, SIM_PACKET, SIM_RESULT, SIM_SYNC, SIM_CHAOS };
struct sim_item { uint64_t at; uint8_t what, node; uint32_t life; uint32_t a, b; uint64_t seq; uint16_t len; uint8_t from; };

struct sim_set { bool published, ready; uint16_t count; uint32_t ttl; struct addr addrs[SIM_MEMBERS_MAX]; };
struct sim_node {
	struct core *core;
	uint32_t life;           /* counts restarts: what was meant for an earlier one is void */
	uint64_t clock_off, wall_off, epoch;
	uint8_t shape_plan;      /* which of the shape's plans it runs */
	bool prober, lossy;      /* lossy: synced records were lost */
	struct bytes journal;
	size_t synced;           /* octets that a crash cannot take */
	uint64_t born;           /* virtual time of this life */
	struct sim_set sets[SIM_SERVICES_MAX][2];
	uint64_t known;          /* commands this node has seen, a bit each */
};
struct sim_command { char selector[40]; enum core_verb verb; uint64_t until; uint8_t node; bool refused, sure; uint64_t over; /* commands it comes after */ };
struct sim_memory_member { const char *service; struct addr addr; enum health_verdict state, own; };
struct sim_memory { /* what a node knows, to compare across a restart or a new configuration */
	size_t count;
	uint64_t overrides;
	struct sim_memory_member members[SIM_SERVICES_MAX * SIM_MEMBERS_MAX];
};
struct sim {
	uint64_t seed, now, steps;
	bool loud, failed, quiet; /* quiet: probers lose nothing and break nothing any more */
	struct rng rng;
	uint8_t shape;
	enum core_event_type event; /* of the present step */
	uint32_t late_records;
	struct sim_node nodes[SIM_NODES];
	bool alive[SIM_BACKENDS], seen[SIM_NODES][SIM_BACKENDS]; /* the truth, and the paths to it */
	struct { uint8_t loss, dup; uint16_t delay, jitter; bool cut; } net[SIM_NODES]; /* by sender */
	struct sim_command commands[SIM_COMMANDS_MAX];
	uint32_t command_count;
	struct sim_item queue[SIM_QUEUE_MAX];
	uint8_t (*packets)[PAIR_PACKET_MAX];
	uint32_t free[SIM_QUEUE_MAX], free_count, used[SIM_QUEUE_MAX], used_count;
	char fault[400];
};

/* ---- world.c ---- */
void sim_tell(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_fail(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_begin(struct sim *s, uint64_t seed);
void sim_end(struct sim *s);
void sim_run_to(struct sim *s, uint64_t at);
void sim_step(struct sim *s, int node, const struct core_event *e);
void sim_kill(struct sim *s, int node, bool lossy);
void sim_reload(struct sim *s, int node, uint8_t plan);
void sim_prober(struct sim *s, int node, bool up);
const struct plan *sim_plan(const struct sim *s, int node);
int sim_backend(const struct addr *a); /* by its last octet */
uint64_t sim_mono(const struct sim *s, int node);
uint64_t sim_wall(const struct sim *s, int node);

/* ---- chaos.c ---- */
void chaos_begin(struct sim *s);
void chaos_act(struct sim *s);
void chaos_heal(struct sim *s);

/* ---- oracle.c ---- */
void oracle_after_step(struct sim *s, int node);
void oracle_published(struct sim *s, int node, const struct core_publish *p);
void oracle_replied(struct sim *s, uint32_t id, bool refused);
void oracle_remember(struct sim *s, int node, struct sim_memory *m);
void oracle_compare(struct sim *s, int node, const struct sim_memory *before, bool restart);
void oracle_at_the_end(struct sim *s);

#endif
