/* A control server on a real unix socket, with a core behind it, in one process and one thread.
 *
 *     kit_begin(&k, "check web\nservice www.example.test web 127.0.0.11\n");
 *     kit_ask(&k, 0, "status --check");      then k.out, k.err, k.exit
 *     kit_end(&k);
 */
#ifndef GEMEL_TESTS_CTL_KIT_H
#define GEMEL_TESTS_CTL_KIT_H
#include "ctl/ctl.h"
#include "lib/core_world.h"

#define KIT_JSON 1
#define KIT_COLOUR 2
#define KIT_NO_EXIT (-1)

struct kit {
	struct world w;
	struct event_base *base;
	struct ctl_server *server;
	int listen_fd;
	char dir[64], path[96];
	struct ctl_child children[2];
	struct ctl_counters counters;
	const struct ctl_hook *hook;
	const struct ctl_zones *zones;
	const struct latency *latency;
	struct ctl_reloads last_reloads;
	struct ctl_logging logging;
	struct ctl_tap tap;
	int loggings;
	bool journal_failed;
	uint32_t command_id;
	unsigned commands, stops, reloads;
	uint32_t reload_id;
	bool hold;   /* commands are not answered at once */
	struct core_command last;
	uint32_t probe_id, probe_stream; /* of the last probe asked for */
	uint64_t probe_generation;
	bool probe_steps;
	unsigned probes, what_ifs, upgrades;
	uint32_t upgrade_id;
	int upgrade_client; /* the test's to close, or to hand back */
	bool upgrade_json;
	const char *what_if_refused; /* NULL: it is answered with "taken" */
	struct bytes begun;          /* what came behind the last one */
	struct bytes out, err, progress;
	int exit;    /* KIT_NO_EXIT: the server broke off */
	unsigned width;
};

void kit_begin(struct kit *k, const char *plan);
void kit_end(struct kit *k);
/* The words in text are separated by spaces; "_" in a word stands for one. */
void kit_ask(struct kit *k, unsigned flags, const char *text);
/* The same in steps. */
size_t kit_request(struct kit *k, uint8_t *out, size_t cap, unsigned flags, const char *text);
int kit_connect(struct kit *k);
void kit_send(struct kit *k, int fd, const void *data, size_t len); /* all of it, then lets the server run */
void kit_turn(struct kit *k);                                       /* lets the server do all it can */
void kit_take(struct kit *k, int fd);                               /* the reply until the end; closes fd */
const char *kit_out(struct kit *k);
const char *kit_err(struct kit *k);
void kit_host(void *kit, struct ctl_host *out);

#endif
