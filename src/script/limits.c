/* Budgets: memory by the allocator, instructions and CPU time by the count hook.
 *
 *     hook, every 1,000 instructions ──▶ instructions gone?   → poison
 *                                    ──▶ slice gone?          → yield; past the hard slice where that cannot be, or
 *                                                               past the CPU time of the run: poison
 *     poison: raise, and the hook at count 1 from now on: a pcall that swallows the error dies at its next instruction
 *
 * The count is not enough: some single instructions are dear (a concatenation of 1 MiB, an __index chain of 2,000
 * tables). So the interval shrinks while a window takes long, and what was allocated brings the next look forward.
 */
#include <stdlib.h>
#include <time.h>
#include "script/internal.h"

const struct script_limits script_limits_default = {
	.instructions = 2000000, .slice_us = 1000, .cpu_us = 100000, .memory = 4u << 20
};

#define WINDOW_NS 50000u /* a longer window between two looks shrinks the interval */
#define INTERVAL_FIRST 100

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hook(lua_State *L, lua_Debug *ar);

static void look_after(struct meter *m, int instructions)
{
	m->interval = instructions;
	lua_sethook(m->L, hook, LUA_MASKCOUNT, instructions);
}

struct meter *limits_meter(lua_State *L)
{
	return script_of(L)->meter;
}

static void poison(struct script *s, enum health_reason why)
{
	s->spoiled = true;
	if (s->meter == NULL)
		return;
	if (s->meter->poison == HEALTH_REASON_NONE)
		s->meter->poison = why;
	look_after(s->meter, 1);
}

void limits_poison(lua_State *L, enum health_reason why)
{
	poison(script_of(L), why);
}

int limits_raise(lua_State *L)
{
	static const char dead;

	if (limits_meter(L) != NULL)
		look_after(limits_meter(L), 1);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&dead); /* allocates nothing */
	return lua_error(L);
}

/* True where the slice is used up. The cheap clock first: no thread uses more CPU time than passes. */
static bool slice_is_over(const struct meter *m, unsigned slices)
{
	uint64_t slice_ns = (uint64_t)m->limits->slice_us * 1000 * slices;

	return clock_ns(CLOCK_MONOTONIC) - m->slice_mono_ns >= slice_ns &&
	       clock_ns(CLOCK_THREAD_CPUTIME_ID) - m->slice_cpu_ns >= slice_ns;
}

static int interval_next(struct meter *m)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), took_ns = now_ns - m->window_ns;
	int next = m->interval;

	m->window_ns = now_ns;
	if (took_ns > WINDOW_NS)
		next = (int)((uint64_t)next * WINDOW_NS / took_ns);
	else if (took_ns < WINDOW_NS / 2)
		next *= 2;
	if (next < 1)
		return 1;
	return next > SCRIPT_HOOK_INTERVAL ? SCRIPT_HOOK_INTERVAL : next;
}

static void hook(lua_State *L, lua_Debug *ar)
{
	struct script *s = script_of(L);
	struct meter *m = s->meter;

	(void)ar;
	if (m == NULL || m->poison != HEALTH_REASON_NONE) {
		limits_raise(L);
		return;
	}
	m->spent += (unsigned)m->interval;
	m->charged = 0;
	if (m->spent > m->limits->instructions) {
		limits_poison(L, HEALTH_SCRIPT_BUDGET);
		limits_raise(L);
		return;
	}
	look_after(m, interval_next(m));
	if (!slice_is_over(m, 1))
		return;
	if (lua_isyieldable(L) && ++m->slices * m->limits->slice_us <= m->limits->cpu_us) {
		m->sliced = true;
		lua_yield(L, 0);
	} else if (lua_isyieldable(L) || slice_is_over(m, m->hard_slices)) {
		limits_poison(L, HEALTH_SCRIPT_BUDGET);
		limits_raise(L);
	}
}

void limits_charge(lua_State *L, uint64_t work)
{
	struct meter *m = limits_meter(L);

	if (m == NULL)
		return;
	if (m->poison != HEALTH_REASON_NONE) {
		limits_raise(L);
		return;
	}
	m->spent += work;
	if (m->spent > m->limits->instructions) {
		limits_poison(L, HEALTH_SCRIPT_BUDGET);
		limits_raise(L);
		return;
	}
	work += m->charged;
	m->charged = work < SCRIPT_HOOK_INTERVAL ? (uint32_t)work : 0;
	if (work >= SCRIPT_HOOK_INTERVAL)
		look_after(m, 1);
}

void limits_arm(struct script *s, struct meter *m)
{
	s->meter = m;
	s->churn = 0;
	s->memory_refused = 0;
	m->sliced = false;
	m->charged = 0;
	m->slice_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	m->slice_mono_ns = clock_ns(CLOCK_MONOTONIC);
	m->window_ns = m->slice_mono_ns;
	look_after(m, m->poison == HEALTH_REASON_NONE ? INTERVAL_FIRST : 1);
}

void limits_disarm(struct script *s)
{
	if (s->meter != NULL)
		lua_sethook(s->meter->L, NULL, 0, 0);
	s->meter = NULL;
}

/* Lua answers a first refusal with a full collection and asks once more: only the second is final. */
static void *refuse(struct script *s, size_t len)
{
	if (s->memory_refused == len)
		poison(s, HEALTH_SCRIPT_MEMORY);
	s->memory_refused = len;
	return NULL;
}

/* No single block may take more than a quarter of the memory: what walks a block stays short. */
void *limits_alloc(void *script, void *p, size_t old_len, size_t len)
{
	struct script *s = script;
	size_t had = p != NULL ? old_len : 0; /* without a block old_len is a type */
	void *q;

	if (len == 0) {
		free(p);
		s->memory_used -= had;
		return NULL;
	}
	if (len > had && (len > s->limits.memory / 4 || s->memory_used - had > s->limits.memory - len))
		return refuse(s, len);
	q = realloc(p, len);
	if (q == NULL)
		return len > had ? refuse(s, len) : p; /* Lua relies on shrinking */
	s->memory_used += len - had;
	if (len <= had)
		return q;
	s->memory_refused = 0;
	s->churn += len - had;
	if (s->churn >= SCRIPT_CHURN_LOOK && s->meter != NULL && s->meter->L != NULL) {
		s->churn = 0;
		lua_sethook(s->meter->L, hook, LUA_MASKCOUNT, 1); /* allowed at any point, as from a signal */
	}
	return q;
}
