#include <string.h>
#include "pair/session.h"

bool session_was_seen(const struct session *s, uint64_t boot, uint64_t counter)
{
	if (boot != s->boot || counter > s->highest)
		return false;
	if (s->highest - counter >= SESSION_WINDOW)
		return true;
	uint64_t bit = counter % SESSION_WINDOW;
	return s->seen[bit / 64] >> bit % 64 & 1;
}

enum session_verdict session_judge(const struct session *s, uint64_t my_boot, uint64_t your_boot, uint64_t boot,
				   uint64_t epoch, uint64_t counter)
{
	if (your_boot != my_boot)
		return SESSION_HELLO;
	if (boot != s->boot)
		return epoch > s->epoch ? SESSION_NEW : SESSION_OLD;
	if (epoch != s->epoch)
		return SESSION_OLD; /* boot and epoch change together */
	return session_was_seen(s, boot, counter) ? SESSION_REPLAY : SESSION_BOUND;
}

/* Forgets the bits of the counters that come into the window. */
static void slide(struct session *s, uint64_t counter)
{
	if (counter - s->highest >= SESSION_WINDOW) {
		memset(s->seen, 0, sizeof s->seen);
	} else {
		for (uint64_t c = s->highest; c++ != counter;) /* the last counter of all is one */
			s->seen[c % SESSION_WINDOW / 64] &= ~((uint64_t)1 << c % 64);
	}
	s->highest = counter;
}

void session_accept(struct session *s, uint64_t boot, uint64_t epoch, uint64_t counter)
{
	if (boot != s->boot)
		*s = (struct session){ .boot = boot, .epoch = epoch };
	if (counter > s->highest)
		slide(s, counter);
	s->seen[counter % SESSION_WINDOW / 64] |= (uint64_t)1 << counter % 64;
}
