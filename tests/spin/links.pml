/* Two nodes and the link between them: whatever a bad network, restarts and other configurations did, on a good network both sides
 * come to ACTIVE and stay there.
 *
 * The judgement is link.c's own: link_judge is called in every state that the model reaches (links.h).  Time goes in ticks of one
 * heartbeat interval, and ages are kept, not times, so that the states are finite.  What a packet tells is modelled after receive.c.
 *
 *     a tick:    ages rise ─▶ something bad may happen ─▶ both send, each packet may be lost ─▶ both judge
 *     NO_…:      a rule taken away; then the property must fail (spin_test.sh)
 *     a packet:  counts where the sender knows the receiver's boot, else it is a hello, which is answered
 *                age of what I have of yours (the echo)  ·  whether I hold all that you wrote
 */
c_decl { \#include "links.h" }

#define OLD 10 /* links.h: AGE_MAX */
#define ACTIVE 3

typedef node {
	byte state; /* enum pair_link_state */
	byte heard; /* ticks since the last packet that counted */
	byte echo;  /* ticks since that packet was sent which the peer answered to last, or since the session began */
	byte have;  /* ticks since the newest packet that came was sent: what is echoed */
	bit knows;  /* the other's boot */
	byte synced; /* since the session began or was lost, each held once what the other had */
	bit holds;  /* all that the other wrote */
	bit other;  /* the configurations differ */
};
node n[2];
bit sane;
bit good; /* the network, from now on and for ever */

inline age(a)
{
	if
	:: a < OLD -> a++
	:: else
	fi
}

inline age_all(i)
{
	age(n[i].heard); age(n[i].echo); age(n[i].have)
}

inline open_session(i)
{
	n[i].knows = 1; n[i].synced = 0; n[i].holds = 0; n[i].echo = 0; n[i].have = OLD
}

/* A packet of s counts at r. */
inline take_in(s, r)
{
	if
	:: n[r].knows
	:: else -> open_session(r)
	fi;
	n[r].heard = 0;
	if
#ifndef NO_ECHO
	:: n[s].have < n[r].echo -> n[r].echo = n[s].have
#endif
	:: else
	fi;
	n[r].have = 0;
	n[r].holds = 1; /* it carries what r lacks */
	if
#ifndef NO_SYNC
	:: n[s].holds -> n[r].synced = 1
#endif
	:: else
	fi
}

inline deliver(s, r)
{
	if
	:: n[s].knows -> take_in(s, r)
	:: else -> /* a hello; its answer may be lost too */
		if
#ifndef NO_GREETING
		:: take_in(r, s)
#else
		:: good
#endif
		:: !good
		fi
	fi
}

inline send(s, r)
{
	if
	:: deliver(s, r)
	:: !good
	fi
}

inline restart(i)
{
	n[i].state = 0; n[i].heard = OLD; n[i].echo = OLD; n[i].have = OLD;
	n[i].knows = 0; n[i].synced = 0; n[i].holds = 0;
	n[1 - i].knows = 0; n[1 - i].holds = 0
}

active proctype wire()
{
	atomic {
		restart(0); restart(1)
	}
	do
	:: atomic {
		age_all(0); age_all(1);
		if
		:: !good -> restart(0)
		:: !good -> n[0].holds = 0 /* the other wrote something */
		:: !good -> n[1].holds = 0
		:: !good -> n[0].other = 1 - n[0].other; n[1].other = n[0].other
		:: !good
		:: !good -> good = 1; n[0].other = 0; n[1].other = 0
		:: good
		fi;
		send(0, 1);
		send(1, 0);
		c_code { links_judge(now.n[0]); links_judge(now.n[1]); };
		c_code { now.sane = links_is_sane(now.n[0]) && links_is_sane(now.n[1]); };
		assert(sane)
	   }
	od
}

ltl back { (<> good) -> (<> [] (n[0].state == ACTIVE && n[1].state == ACTIVE)) }
