/* The own node's canaries → streams of their own, behind all others; and a word where nobody witnesses. See planner.h,
 * and health/witness.h for what they are good for.
 *
 * They are no part of what twins must share: each has its own.
 */
#include <string.h>

#include "conf/planner.h"
#include "health/witness.h"
#include "pair/name.h"

/* A refusal is an answer too; the core takes it for one. Port 0 stands for an echo. */
static const char script_text[] =
	"return { args = { port = \"integer\" }, run = function (target, args)\n"
	"  if args.port == 0 then\n"
	"    ping(target.address)\n"
	"  else\n"
	"    local conn <close> = net.connect(target.address, args.port)\n"
	"  end\n"
	"  return true\n"
	"end }\n";

static bool is_witnessed(const struct plan *p, enum health_path path)
{
	for (uint32_t i = 0; i < p->stream_count; i++)
		if (p->streams[i].canary && health_path_of(&p->streams[i].addr) == path)
			return true;
	for (uint16_t n = 0; p->pair.present && n < p->node_count; n++)
		for (uint8_t k = 0; n != p->self && k < p->nodes[n].peer_count; k++)
			if (health_path_of(&p->nodes[n].peer[k]) == path)
				return true;
	return false;
}

/* Loopback is never lost. */
void conf_warn_unwitnessed(struct conf *c, const struct plan *p, struct diags *d)
{
	uint32_t probed[HEALTH_PATHS] = {0};

	c->d = d;
	for (uint32_t i = 0; i < p->stream_count; i++)
		probed[health_path_of(&p->streams[i].addr)] += !p->streams[i].canary;
	for (int path = 1; path < HEALTH_PATHS; path++)
		if (probed[path] && !health_path_is_local((enum health_path)path) &&
		    !is_witnessed(p, (enum health_path)path))
			conf_warning(c, &c->kinds[CONF_NODE].list[p->self]->table,
				     "node \"%s\" has neither canary nor twin on %s, where it probes: when its own network is "
				     "lost, all that is silent goes down; expected canaries = { \"ADDRESS\", \"ADDRESS:PORT\", … }",
				     p->nodes[p->self].name, health_path_text((enum health_path)path));
}

/* ---- streams ---- */

static uint32_t least_timeout_ms(const struct plan *p)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < p->stream_count; i++)
		if (p->streams[i].timing.timeout_ms < least)
			least = p->streams[i].timing.timeout_ms;
	return least;
}

static uint64_t key_of(const struct addr *a)
{
	uint8_t text[32];
	struct wbuf w;

	wbuf_init(&w, text, sizeof text);
	put_u8(&w, a->family);
	put_bytes(&w, a->ip, sizeof a->ip);
	put_u16(&w, a->port);
	return pair_name("canary", text, w.len) | 1; /* 0 is no key */
}

static void add_canary(struct planner *pl, struct plan_stream *s, const struct addr *a)
{
	uint32_t every = health_canary_every_ms(least_timeout_ms(pl->p));
	struct plan_arg *port = conf_planner_room(pl, 1, sizeof *port);

	if (port)
		*port = (struct plan_arg){.name = "port", .kind = PLAN_ARG_INTEGER, .integer = a->port};
	*s = (struct plan_stream){.key = key_of(a), .addr = *a, .script = pl->p->script_count - 1, .args = port,
				  .arg_count = 1, .check = "canary", .owner = "canary", .canary = true,
				  .timing = {.interval_ms = every, .timeout_ms = health_canary_timeout_ms(every),
					     .retry_ms = every, .fall = 1, .rise = 1}};
}

static void add_script(struct planner *pl)
{
	pl->scripts[pl->p->script_count++] = (struct plan_script){
		.name = "canary", .file = "canary", .text = script_text, .text_len = sizeof script_text - 1};
}

static void add_all(struct planner *pl, const struct plan_node *n)
{
	struct plan *p = pl->p;
	struct plan_stream *all = conf_planner_room(pl, (size_t)p->stream_count + n->canary_count, sizeof *all);
	uint32_t count = p->stream_count;

	if (!all)
		return;
	memcpy(all, p->streams, p->stream_count * sizeof *all);
	add_script(pl);
	for (uint16_t i = 0; i < n->canary_count; i++)
		add_canary(pl, &all[count++], &n->canaries[i]);
	p->streams = all;
	p->stream_count = count;
}

void conf_planner_canaries(struct planner *pl)
{
	const struct plan_node *n = &pl->p->nodes[pl->p->self];

	if (n->canary_count && pl->p->stream_count)
		add_all(pl, n);
}
