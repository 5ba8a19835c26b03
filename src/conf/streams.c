/* Members and checks → streams. See planner.h.
 *
 *     member × check ─▶ canonical octets (probe address, script, arguments) ─▶ 64-bit key ─▶ one stream
 *
 * Where nodes probe at addresses of their own the canonical octets have the whole table of these in place of the address, and
 * the arguments without the port that one may bring: the key must be the same on all nodes.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/planner.h"
#include "pair/name.h"

#define STREAM_TEXT_MAX 65536 /* canonical octets of one probe */

/* ---- arguments of one probe ---- */

/* The place of a file in the plan. */
static uint32_t file_index(struct planner *pl, const char *name)
{
	struct conf_pem *f = conf_pem_get(pl->c, name);
	struct plan_file *out;

	if (!f || !f->text) {
		pl->failed = true; /* never: conf_pem_ok saw it */
		return 0;
	}
	if (f->index != UINT32_MAX)
		return f->index;
	out = &pl->files[pl->p->file_count];
	out->data = arena_strn(&pl->p->arena, f->text, f->len);
	out->len = (uint32_t)f->len;
	pl->failed |= !out->data;
	f->index = pl->p->file_count++;
	return f->index;
}

static void set_arg(struct planner *pl, struct plan_arg *a, const struct conf_value *v,
		    const struct script_arg_spec *spec)
{
	if (v->type == CONF_STRING && spec && spec->types & SCRIPT_ARG_FILES) {
		a->kind = spec->types & SCRIPT_ARG_KEY ? PLAN_ARG_KEY : PLAN_ARG_CERTIFICATES;
		a->string = v->string.s;
		a->file = file_index(pl, a->string);
	} else if (v->type == CONF_STRING) {
		a->kind = PLAN_ARG_STRING;
		a->string = v->string.s;
	} else if (v->type == CONF_INTEGER && spec && !(spec->types & SCRIPT_ARG_INTEGER)) {
		a->kind = PLAN_ARG_NUMBER;
		a->number = (double)v->integer;
	} else if (v->type == CONF_INTEGER) {
		a->kind = PLAN_ARG_INTEGER;
		a->integer = v->integer;
	} else if (v->type == CONF_NUMBER) {
		a->kind = PLAN_ARG_NUMBER;
		a->number = v->number;
	} else {
		a->kind = PLAN_ARG_BOOLEAN;
		a->boolean = v->boolean;
	}
}

static const struct script_arg_spec *find_spec(const struct conf_script *s, const char *name)
{
	for (size_t i = 0; s->declared && i < s->arg_count; i++)
		if (!strcmp(s->args[i].name, name))
			return &s->args[i];
	return NULL;
}

static struct plan_arg *find_arg(struct plan_arg *args, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(args[i].name, name))
			return &args[i];
	return NULL;
}

static int arg_order(const void *a, const void *b)
{
	return strcmp(((const struct plan_arg *)a)->name, ((const struct plan_arg *)b)->name);
}

/* A port in the member's `probe` wins over the check's. */
static size_t set_port(struct plan_arg *args, size_t n, const struct conf_script *s, uint16_t port)
{
	struct plan_arg *a = find_arg(args, n, "port");
	const struct script_arg_spec *spec = find_spec(s, "port");

	if (!port || (s->declared && (!spec || !(spec->types & SCRIPT_ARG_INTEGER))))
		return n;
	if (!a)
		a = &args[n++];
	*a = (struct plan_arg){.name = "port", .kind = PLAN_ARG_INTEGER, .integer = port};
	return n;
}

static void check_missing(struct planner *pl, const struct conf_check *k, struct plan_arg *args, size_t n)
{
	for (size_t i = 0; k->script->declared && i < k->script->arg_count; i++) {
		const struct script_arg_spec *spec = &k->script->args[i];

		if (!spec->optional && !(spec->types & SCRIPT_ARG_OWNER) && !find_arg(args, n, spec->name))
			conf_check_fault_missing(pl->c, k, spec);
	}
}

/* This node's port, if every node has one: a check that lacks one would be whole on some of them only. */
static uint16_t port_of_all(const struct conf *c, const struct conf_member *m)
{
	uint16_t port = m->probe_count && m->probe_count < c->node_count ? 0 : m->probe.port;

	for (uint16_t i = 0; i < m->probe_count; i++)
		if (!m->probe_by[i].addr.port)
			port = 0;
	return port;
}

/* The arguments in full, ascending by name, with this port if it is not 0. Room for as many as the check, the script's own
 * table and a port may give. */
static size_t expand_args(struct planner *pl, const struct conf_check *k, const struct conf_service *s, uint16_t port,
			  struct plan_arg *args)
{
	size_t n = 0;

	for (size_t i = 0; i < k->arg_count; i++) {
		args[n] = (struct plan_arg){.name = k->args[i].name};
		set_arg(pl, &args[n++], k->args[i].value, find_spec(k->script, k->args[i].name));
	}
	for (size_t i = 0; k->script->declared && i < k->script->arg_count; i++)
		if (k->script->args[i].types & SCRIPT_ARG_OWNER && !find_arg(args, n, k->script->args[i].name))
			args[n++] = (struct plan_arg){.name = k->script->args[i].name, .kind = PLAN_ARG_STRING,
						      .string = s->name};
	n = set_port(args, n, k->script, port);
	qsort(args, n, sizeof *args, arg_order);
	return n;
}

/* ---- streams ---- */

static void put_address(struct wbuf *w, const struct addr *a)
{
	put_u8(w, a->family);
	put_bytes(w, a->ip, sizeof a->ip);
	put_u16(w, a->port);
}

/* own: where this node probes. 0 is no family: the two cannot be mistaken. */
static void put_probe(struct wbuf *w, const struct conf_member *m, const struct addr *own)
{
	if (!m->probe_count) {
		put_address(w, own);
		return;
	}
	put_u8(w, 0);
	put_address(w, &m->addr); /* for nodes that are not named */
	put_u16(w, m->probe_count);
	for (uint16_t i = 0; i < m->probe_count; i++) {
		put_str(w, m->probe_by[i].node);
		put_address(w, &m->probe_by[i].addr);
	}
}

static uint64_t stream_key(const struct conf_member *m, const struct addr *own, const char *script, const struct plan_arg *args,
			   size_t n, bool *failed)
{
	uint8_t *room = malloc(STREAM_TEXT_MAX);
	struct wbuf w;
	uint64_t key;

	if (!room) {
		*failed = true;
		return 0;
	}
	wbuf_init(&w, room, STREAM_TEXT_MAX);
	put_probe(&w, m, own);
	put_str(&w, script);
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		put_str(&w, args[i].name);
		put_u8(&w, args[i].kind);
		put_str(&w, args[i].string ? args[i].string : ""); /* a file by name: a renewed one is the same probe */
		memcpy(&bits, &args[i].number, sizeof bits);
		put_u64(&w, args[i].kind == PLAN_ARG_INTEGER ? (uint64_t)args[i].integer :
			args[i].kind == PLAN_ARG_NUMBER ? bits : args[i].boolean);
	}
	key = pair_name("target", room, w.len);
	*failed = w.failed;
	free(room);
	return key ? key : 1;
}

static bool same_args(const struct plan_arg *a, size_t a_count, const struct plan_arg *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i].name, b[i].name) || a[i].kind != b[i].kind ||
		    (a[i].string ? strcmp(a[i].string, b[i].string) :
		     a[i].kind == PLAN_ARG_INTEGER ? a[i].integer != b[i].integer :
		     a[i].kind == PLAN_ARG_NUMBER ? a[i].number != b[i].number : a[i].boolean != b[i].boolean))
			return false;
	return true;
}

static uint32_t script_index(struct planner *pl, struct conf_script *s)
{
	struct plan_script *out = &pl->scripts[pl->p->script_count];

	if (s->index != UINT32_MAX)
		return s->index;
	out->name = conf_planner_text(pl, s->name);
	out->file = conf_planner_text(pl, s->file);
	out->text = arena_strn(&pl->p->arena, s->text, s->len);
	out->text_len = (uint32_t)s->len;
	out->plugins = script_runs_plugins(s->script);
	pl->failed |= !out->text;
	s->index = pl->p->script_count++;
	return s->index;
}

static bool same_timing(const struct health_timing *a, const struct health_timing *b)
{
	return a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms && a->retry_ms == b->retry_ms &&
	       a->fall == b->fall && a->rise == b->rise && a->flap.hold == b->flap.hold &&
	       a->flap.suppress == b->flap.suppress && a->flap.reuse == b->flap.reuse &&
	       a->flap.half_life_ms == b->flap.half_life_ms;
}

/* The same probe asked for by two checks: done once, as often as the more frequent of them wants it. */
static void share_stream(struct planner *pl, struct plan_stream *st, const struct conf_check *k)
{
	if (same_timing(&st->timing, &k->timing))
		return;
	conf_warning(pl->c, k->at,
		     "checks \"%s\" and \"%s\" ask the same of the same address with other timing; one probe serves "
		     "both, with the shorter interval's",
		     st->check, k->name);
	if (k->timing.interval_ms < st->timing.interval_ms)
		st->timing = k->timing;
}

static bool grow_streams(struct planner *pl)
{
	size_t cap = pl->stream_cap ? pl->stream_cap * 2 : 256;
	struct plan_stream *more;

	if (pl->p->stream_count < pl->stream_cap)
		return true;
	more = realloc(pl->streams, cap * sizeof *more);
	if (!more) {
		pl->failed = true;
		return false;
	}
	pl->streams = more;
	pl->stream_cap = cap;
	return true;
}

static void copy_args(struct planner *pl, struct plan_stream *st, const struct plan_arg *args, size_t n)
{
	struct plan_arg *copy = conf_planner_room(pl, n, sizeof *copy);

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = args[i];
		copy[i].name = conf_planner_text(pl, args[i].name);
		copy[i].string = conf_planner_text(pl, args[i].string);
	}
	st->args = copy;
	st->arg_count = (uint16_t)n;
}

static uint32_t add_stream(struct planner *pl, const struct plan_stream *like, const struct plan_arg *args, size_t n)
{
	struct plan_stream *st;

	if (!grow_streams(pl))
		return 0;
	st = &pl->streams[pl->p->stream_count];
	*st = *like;
	copy_args(pl, st, args, n);
	st->check = conf_planner_text(pl, like->check);
	st->owner = conf_planner_text(pl, like->owner);
	st->host = conf_planner_text(pl, like->host);
	if (table_add(&pl->by_key, &st->key, sizeof st->key, (void *)(uintptr_t)(pl->p->stream_count + 1)))
		pl->failed = true;
	return pl->p->stream_count++;
}

uint32_t conf_planner_stream(struct planner *pl, const struct conf_service *s, const struct conf_member *m,
			     struct conf_check *k,
			     struct plan_arg *args)
{
	struct plan_stream like = {.addr = m->probe.family ? m->probe : m->addr, .timing = k->timing, .check = k->name,
				   .owner = s->name, .host = m->host};
	size_t n = expand_args(pl, k, s, port_of_all(pl->c, m), args);
	bool failed = false;
	uintptr_t found;

	check_missing(pl, k, args, n);
	if (m->probe_count)
		n = expand_args(pl, k, s, 0, args);
	like.script = script_index(pl, k->script);
	like.key = stream_key(m, &like.addr, k->script->name, args, n, &failed);
	if (m->probe_count)
		n = expand_args(pl, k, s, m->probe.port, args);
	if (failed) {
		conf_fault(pl->c, k->at, "the arguments of check \"%s\" are too long; expected less than %d octets",
			   k->name, STREAM_TEXT_MAX);
		return 0;
	}
	found = (uintptr_t)table_find(&pl->by_key, &like.key, sizeof like.key);
	if (!found)
		return add_stream(pl, &like, args, n);
	if (!addr_equal(&pl->streams[found - 1].addr, &like.addr) || pl->streams[found - 1].script != like.script ||
	    !same_args(pl->streams[found - 1].args, pl->streams[found - 1].arg_count, args, n))
		conf_fault(pl->c, k->at,
			   "two probes of check \"%s\" have one 64-bit name by chance; expected an argument to differ",
			   k->name);
	else
		share_stream(pl, &pl->streams[found - 1], k);
	return (uint32_t)(found - 1);
}
