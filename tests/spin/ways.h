/* Between the model ways.pml and link.c: ages in ticks to times, and the state back. */
#include "pair/link.h"

#define UDP_OLD 9 /* above LOST: what is older is no news */
#define TCP_OLD 5 /* above LINK_TCP_LOST_MS */
#define NO_END 3  /* ticks that a connection which ended leaves to the next; none ended */
#define TICK_MS 1000
#define NOW_MS 1000000 /* far enough from 0, which means never */

_Static_assert(PAIR_ACTIVE == 3 && PAIR_TCP_ONLY == 6, "ways.pml: ACTIVE, TCP_ONLY");
_Static_assert(LINK_TCP_LOST_MS == 4 * TICK_MS && LINK_UDP_BACK == 3, "ways.pml: TCP_SILENT, back");

static uint64_t ways_ago(unsigned ticks)
{
	return NOW_MS - (uint64_t)ticks * TICK_MS;
}

/* n is the struct that spin makes of the model's node. */
#define ways_judge(n) \
	ways_next(&(n).state, &(n).synced, (n).heard, (n).echo, (n).session_udp, (n).back, (n).theard, (n).techo, (n).session_tcp, (n).left)
#define ways_is_sane(n) ways_state_is_sane((n).state, (n).heard, (n).echo, (n).techo)

static void ways_next(unsigned char *state, unsigned char *synced, unsigned heard, unsigned echo, unsigned session_udp, unsigned back,
		      unsigned theard, unsigned techo, unsigned session_tcp, unsigned left)
{
	struct link l;

	link_init(&l, TICK_MS, NOW_MS);
	if (*state)
		l.state = (enum pair_link_state)*state;
	l.synced = *synced;
	l.heard_ms = heard < UDP_OLD ? ways_ago(heard) : 0;
	l.echo_ms = ways_ago(echo);
	/* The model's echoes are reckoned from the session's begin already; only whether a way was heard since is left to say. */
	l.start_ms = session_udp ? 0 : ways_ago(echo);
	if (!session_udp && l.heard_ms >= l.start_ms)
		l.heard_ms = l.start_ms - 1;
	l.udp_echoes = (uint8_t)back;
	l.tcp_heard_ms = session_tcp && theard < TCP_OLD ? NOW_MS - (uint64_t)theard * TICK_MS : 0;
	if (l.tcp_heard_ms && l.tcp_heard_ms < l.start_ms)
		l.tcp_heard_ms = l.start_ms;
	l.tcp_echo_ms = ways_ago(techo);
	l.tcp_until_ms = left < NO_END ? NOW_MS + (uint64_t)left * TICK_MS : 0;
	while (link_judge(&l, NOW_MS))
		;
	*state = (unsigned char)l.state;
	*synced = l.synced;
}

/* What must be true of every state: nobody is called alive without a young echo by the way that is meant, nor lost who was heard. */
static int ways_state_is_sane(unsigned state, unsigned heard, unsigned echo, unsigned techo)
{
	switch ((enum pair_link_state)state) {
	case PAIR_SYNCING:
		return echo < 4 || techo < 4;
	case PAIR_ACTIVE:
		return echo < 4;
	case PAIR_TCP_ONLY:
		return techo < 4;
	case PAIR_SUSPECT:
	case PAIR_LOST:
		return heard >= 2;
	default:
		return 1;
	}
}
