/* Between the model links.pml and link.c: ages in ticks to times, and the state back. */
#include "pair/link.h"

#define AGE_MAX 10 /* above LOST: what is older is no news */
#define TICK_MS 200
#define NOW_MS 1000000 /* far enough from 0, which means never */

_Static_assert(PAIR_ACTIVE == 3, "links.pml: ACTIVE");

static uint64_t links_ago(unsigned ticks)
{
	return NOW_MS - (uint64_t)ticks * TICK_MS;
}

/* n is the struct that spin makes of the model's node. */
#define links_judge(n) links_next(&(n).state, &(n).synced, (n).heard, (n).echo, (n).other)
#define links_is_sane(n) links_state_is_sane((n).state, (n).heard, (n).echo)

static void links_next(unsigned char *state, unsigned char *synced, unsigned heard, unsigned echo, unsigned other)
{
	struct link l;

	link_init(&l, TICK_MS, NOW_MS);
	if (*state)
		l.state = (enum pair_link_state)*state;
	l.synced = *synced;
	l.mismatch = other;
	l.start_ms = 0; /* the model's echo is reckoned from the session's begin already */
	l.heard_ms = heard < AGE_MAX ? links_ago(heard) : 0;
	l.echo_ms = links_ago(echo);
	while (link_judge(&l, NOW_MS))
		;
	*state = (unsigned char)l.state;
	*synced = l.synced;
}

/* What must be true of every state: nobody is called alive without a young echo, nor lost who was heard just now. */
static int links_state_is_sane(unsigned state, unsigned heard, unsigned echo)
{
	switch ((enum pair_link_state)state) {
	case PAIR_SYNCING:
	case PAIR_ACTIVE:
	case PAIR_MISMATCH:
		return echo < 4;
	case PAIR_SUSPECT:
	case PAIR_LOST:
		return heard >= 2;
	default:
		return 1;
	}
}
