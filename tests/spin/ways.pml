/* Two nodes, two pairs of addresses between them, and a connection: whatever became of the ways before, if from some time on one
 * pair of addresses lets datagrams through both sides come to ACTIVE and stay there, and if only TCP gets through, to TCP_ONLY.
 *
 * As in links.pml the judgement is link.c's own (ways.h), time goes in ticks of one heartbeat interval, here of a second, and ages are
 * kept.  What is sent by which way is modelled after send.c and fallback.c, what a packet tells after receive.c.
 *
 *     a tick:    ages rise ─▶ something bad may happen ─▶ both send by all ways that they use now ─▶ both judge
 *     a way:     works or does not, each direction of each pair of addresses by itself, and TCP; each change is one of EVENTS
 *     two copies of a heartbeat: the first counts, the other is refused as a replay
 *     NO_…:      a rule taken away; then a property must fail (spin_test.sh)
 */
c_decl { \#include "ways.h" }

#ifndef EVENTS
#define EVENTS 4 /* bad ones: a way that changes, a restart, something written; 0 = any number, and any datagram may be lost too */
#endif
#if EVENTS
#define MAY (events < EVENTS)
#define COUNT events++
#define LOST false
#else
#define MAY true
#define COUNT skip
#define LOST (good == 0)
#endif
#define UDP_OLD 9 /* ways.h */
#define TCP_OLD 5
#define NO_END 3
#define SILENT 4 /* SUSPECT: from here on heartbeats go by TCP too */
#define ACTIVE 3
#define TCP_ONLY 6

typedef node {
	byte state;       /* enum pair_link_state */
	byte heard, echo, have; /* by UDP: ticks since a packet counted; since that was sent which was echoed last; what is echoed */
	byte theard, techo, thave; /* by TCP */
	bit session_udp, session_tcp; /* heard by that way in this session */
	byte back;        /* echoes by UDP since it was silent, three at most */
	byte left;        /* ticks that another connection has, after one ended */
	byte asked;       /* ticks for which heartbeats go by TCP because the other says that it needs them */
	bit knows;        /* the other's boot */
	byte synced;      /* since the session began or was lost, each held once what the other had */
	bit holds         /* all that the other wrote */
};
node n[2];
bit way[4];      /* datagrams from node i by pair of addresses k: way[2 * i + k] */
bit tcp;         /* connections get through */
bit connected;   /* and one is open, and proven */
byte events;
byte good;       /* from now on and for ever: 1 = one pair of addresses works both ways, 2 = no datagrams, but TCP */
bit sane;

inline age(a, old)
{
	if
	:: a < old -> a++
	:: else
	fi
}

inline age_all(i)
{
	age(n[i].heard, UDP_OLD); age(n[i].echo, UDP_OLD); age(n[i].have, UDP_OLD);
	age(n[i].theard, TCP_OLD); age(n[i].techo, TCP_OLD); age(n[i].thave, TCP_OLD);
	if
	:: n[i].left > 0 && n[i].left < NO_END -> n[i].left--
	:: else
	fi;
	if
	:: n[i].asked > 0 -> n[i].asked--
	:: else
	fi
}

inline open_session(i)
{
	n[i].knows = 1; n[i].synced = 0; n[i].holds = 0; n[i].back = 0;
	n[i].echo = 0; n[i].have = UDP_OLD; n[i].techo = 0; n[i].thave = TCP_OLD;
	n[i].session_udp = 0; n[i].session_tcp = 0
}

/* A packet of s counts at r. */
inline take_in(s, r, by_tcp)
{
	if
	:: n[r].knows
	:: else -> open_session(r)
	fi;
	if
	:: by_tcp ->
		n[r].theard = 0; n[r].session_tcp = 1; n[r].left = NO_END;
		if
		:: n[s].thave < n[r].techo -> n[r].techo = n[s].thave
		:: else
		fi;
		n[r].thave = 0
	:: else ->
		n[r].heard = 0; n[r].session_udp = 1;
		if
		:: n[s].have < n[r].echo ->
			if
			:: n[r].echo >= SILENT -> n[r].back = 0
			:: else
			fi;
			if
			:: n[r].back < 3 -> n[r].back++
			:: else
			fi;
			n[r].echo = n[s].have
		:: else
		fi;
		n[r].have = 0
	fi;
	n[r].holds = 1; /* it carries what r lacks */
	if
	:: n[s].holds -> n[r].synced = 1
	:: else
	fi;
	if
	:: n[s].state == ACTIVE -> n[r].asked = 0
	:: n[s].state != ACTIVE && by_tcp -> n[r].asked = 2
	:: else
	fi
}

/* The answer to a hello goes back the way that it came, where that works. */
inline deliver(s, r, by_tcp, answer)
{
	if
	:: n[s].knows -> take_in(s, r, by_tcp)
	:: !n[s].knows && answer -> take_in(r, s, by_tcp)
	:: else
	fi
}

inline send(s, r)
{
	if
#ifndef NO_SECOND_WAY
	:: (way[2 * s] || way[2 * s + 1]) -> deliver(s, r, 0, (way[2 * r] || way[2 * r + 1]))
	:: !(way[2 * s] || way[2 * s + 1]) || LOST
#else
	:: way[2 * s] -> deliver(s, r, 0, way[2 * r])
	:: else
#endif
	fi;
#ifndef NO_TCP
	if
	:: tcp && connected && (n[s].echo >= SILENT || n[s].asked) -> deliver(s, r, 1, 1)
	:: else
	fi
#endif
}

inline hang_up()
{
	connected = 0;
	if
	:: n[0].left == NO_END -> n[0].left = 2
	:: else
	fi;
	if
	:: n[1].left == NO_END -> n[1].left = 2
	:: else
	fi
}

/* Who misses UDP opens one; nobody uses it for long: it is closed. */
inline connect()
{
	if
	:: !connected && tcp && (n[0].echo >= SILENT || n[1].echo >= SILENT) -> connected = 1
	:: connected && n[0].echo < SILENT && n[1].echo < SILENT && n[0].asked == 0 && n[1].asked == 0 -> hang_up()
	:: else
	fi
}

inline restart(i)
{
	n[i].state = 0; n[i].heard = UDP_OLD; n[i].echo = UDP_OLD; n[i].have = UDP_OLD;
	n[i].theard = TCP_OLD; n[i].techo = TCP_OLD; n[i].thave = TCP_OLD; n[i].session_udp = 0; n[i].session_tcp = 0;
	n[i].back = 0; n[i].left = NO_END; n[i].asked = 0; n[i].knows = 0; n[i].synced = 0; n[i].holds = 0;
	n[1 - i].knows = 0; n[1 - i].holds = 0;
	if
	:: connected -> connected = 0; n[1 - i].left = 2
	:: else
	fi
}

inline happen()
{
	if
	:: MAY ->
		COUNT;
		if
		:: restart(0)
		:: restart(1)
		:: n[0].holds = 0 /* the other wrote something */
		:: n[1].holds = 0
		:: way[0] = 1 - way[0]
		:: way[1] = 1 - way[1]
		:: way[2] = 1 - way[2]
		:: way[3] = 1 - way[3]
		:: way[0] = 0; way[1] = 0; way[2] = 0; way[3] = 0
		:: tcp = 1 - tcp;
			if
			:: !tcp && connected -> hang_up()
			:: else
			fi
		fi
	:: true
	:: good = 1; way[0] = 1; way[2] = 1
	:: good = 1; way[1] = 1; way[3] = 1
	:: good = 2; way[0] = 0; way[1] = 0; way[2] = 0; way[3] = 0; tcp = 1
	fi
}

active proctype wire()
{
	atomic {
		restart(0); restart(1);
		way[0] = 1; way[1] = 1; way[2] = 1; way[3] = 1; tcp = 1
	}
	do
	:: atomic {
		age_all(0); age_all(1);
		if
		:: good == 0 -> happen()
		:: else
		fi;
		connect();
		send(0, 1);
		send(1, 0);
		c_code { ways_judge(now.n[0]); ways_judge(now.n[1]); };
		c_code { now.sane = ways_is_sane(now.n[0]) && ways_is_sane(now.n[1]); };
		assert(sane)
	   }
	od
}

ltl datagrams { (<> (good == 1)) -> (<> [] (n[0].state == ACTIVE && n[1].state == ACTIVE)) }
ltl stream { (<> (good == 2)) -> (<> [] (n[0].state == TCP_ONLY && n[1].state == TCP_ONLY)) }
