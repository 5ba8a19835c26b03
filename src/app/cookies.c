/* The jar that the workers make DNS cookies from.  A new one is filled when the day changes, or the root: at the start, or when a
 * reload brings another pair key. */
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>
#include "app/responder_state.h"
#include "io/clock.h"

#define PREVIOUS_S 3900 /* no cookie lives longer: an hour, and five minutes of a clock that was ahead (RFC 9018 4.3) */

/* Out of memory: the old jar stays, and the next second tries again. */
static void publish(struct responder *r)
{
	struct cookie_state *s = &r->cookies;
	struct cookie_jar *jar = malloc(sizeof *jar), *old = s->jar;
	if (!jar)
		return;
	cookie_jar_fill(jar, s->root, s->previous_until_s ? s->previous : NULL, s->now_s);
	rcu_assign_pointer(s->jar, jar);
	s->due = false;
	if (!old)
		return;
	synchronize_rcu(); /* after this no worker holds it */
	explicit_bzero(old, sizeof *old);
	free(old);
}

void cookies_tick(struct responder *r)
{
	struct cookie_state *s = &r->cookies;
	__atomic_store_n(&s->now_s, clock_wall_ms() / 1000, __ATOMIC_RELAXED);
	if (s->previous_until_s && s->previous_until_s <= s->now_s) {
		s->previous_until_s = 0;
		explicit_bzero(s->previous, sizeof s->previous);
		s->due = true;
	}
	if (s->has_root && (s->due || !s->jar || cookie_jar_is_stale(s->jar, s->now_s)))
		publish(r);
}

/* While twins change their key, one of them makes cookies by the other of the two: it is given, and has no end. Once it is given no
 * more, and without one, what was in use goes on for the hour that its cookies live. */
static void set_previous(struct cookie_state *s, const uint8_t root[COOKIE_ROOT_LEN], const uint8_t *other)
{
	bool changed = memcmp(s->root, root, COOKIE_ROOT_LEN) != 0;
	if (other || changed)
		memcpy(s->previous, other ? other : s->root, COOKIE_ROOT_LEN);
	if (other)
		s->previous_until_s = UINT64_MAX;
	else if (changed || s->previous_until_s == UINT64_MAX)
		s->previous_until_s = clock_wall_ms() / 1000 + PREVIOUS_S;
}

void cookies_set_root(struct responder *r, const uint8_t root[COOKIE_ROOT_LEN], const uint8_t *other)
{
	struct cookie_state *s = &r->cookies;
	if (!s->has_root)
		memcpy(s->root, root, COOKIE_ROOT_LEN);
	set_previous(s, root, other);
	memcpy(s->root, root, COOKIE_ROOT_LEN);
	s->has_root = s->due = true;
	cookies_tick(r);
}

void cookies_lend(const struct responder *r, struct answer_worker *w)
{
	w->now_s = __atomic_load_n(&r->cookies.now_s, __ATOMIC_RELAXED);
	w->cookies = rcu_dereference(r->cookies.jar);
}
