/* Sessions with restarts, rolled-back disks, packets held back or repeated, and refutes: nothing counts twice, and on a good network
 * both nodes come to know each other and stay so, whatever an attacker repeats.
 *
 * The judgement is session.c's own (session.h); what follows from it is modelled after receive.c and timer.c.  Boots and epochs are
 * small numbers.  Counters are left out: a packet was here in this session, or it was not.
 *
 *     node:      a heartbeat, and the answer to a hello where one is due; each may be lost, and the attacker may have a copy
 *     disaster:  a node starts anew, perhaps with an older disk
 *     NO_…:      a rule taken away; then something must fail (spin_test.sh)
 *     attacker:  delivers what he has, whenever and as often as he likes
 */
c_decl { \#include "session.h" }

#ifndef RESTARTS
#define RESTARTS 2 /* of both nodes together */
#endif
#define EPOCHS 15 /* bits of node.used */

typedef packet {
	byte boot, yours, epoch;
	byte entry; /* the receiver's epoch, as the sender knows it */
	byte taken; /* the receiver's boot in which it counted, 0 = never */
	byte seen   /* in the receiver's present session */
};
typedef node {
	byte boot, epoch;
	byte peer_boot, peer_epoch; /* the session */
	byte vector;                /* the highest epoch that a session of the peer had */
	byte hello;                 /* the boot that is to be answered, 0 = none */
	byte stale;                 /* another one, of a life that is over: one of both is drawn */
	bit drawn;                  /* which the last time; a lot gives each its turn, again and again */
	byte wants;                 /* an epoch above this one, 0 = none */
	short used                  /* epochs on disk so far, a bit each: their random halves make no two alike */
};
node n[2];
packet kept[2]; /* the attacker's, from node 0 and from node 1 */
packet way;     /* the one that arrives now */
byte to;        /* at this node */
byte verdict, e, restarts;
bit good;

#define MET (n[0].peer_boot == n[1].boot && n[1].peer_boot == n[0].boot && n[0].wants == 0 && n[1].wants == 0)
#define COUNTS (verdict == 1 || verdict == 2)  /* SESSION_BOUND, SESSION_NEW */
#define OPENS (verdict == 2)
#define GREETED (verdict == 3 || verdict == 4) /* SESSION_HELLO, SESSION_OLD */

inline copy(a, b)
{
	a.boot = b.boot; a.yours = b.yours; a.epoch = b.epoch; a.entry = b.entry; a.taken = b.taken; a.seen = b.seen
}

inline start(i, above)
{
	e = above + 1;
	do
	:: n[i].used & (1 << e) -> e++
	:: else -> break
	od;
	assert(e < EPOCHS);
	n[i].used = n[i].used | (1 << e);
	n[i].epoch = e; n[i].boot++; n[i].hello = 0; n[i].stale = 0; n[i].wants = 0
}

/* pair_receive */
inline receive()
{
	c_code { now.verdict = session_verdict_of(now.n[now.to], now.way); };
	if
#ifdef NO_ANSWER_TO_OLD
	:: verdict == 4 -> skip
#endif
	:: GREETED && way.boot == n[1 - to].boot -> n[to].hello = way.boot
	:: GREETED && way.boot != n[1 - to].boot -> n[to].stale = way.boot
	:: COUNTS ->
		assert(way.taken != n[to].boot); /* never twice in one life of the receiver */
		if
		:: OPENS ->
			n[to].peer_boot = way.boot; n[to].peer_epoch = way.epoch; kept[1 - to].seen = 0;
			if
			:: way.epoch > n[to].vector -> n[to].vector = way.epoch
			:: else
			fi
		:: else
		fi;
		way.taken = n[to].boot;
#ifndef NO_WINDOW
		way.seen = 1;
#endif
		if
#ifndef NO_REFUTE
		:: way.entry > n[to].epoch && way.entry > n[to].wants -> n[to].wants = way.entry /* pair_refute */
#endif
		:: else
		fi
	:: else
	fi
}

inline send(i, your)
{
	way.boot = n[i].boot; way.epoch = n[i].epoch; way.yours = your; way.entry = n[i].vector; way.taken = 0; way.seen = 0;
	to = 1 - i;
	if
	:: receive()
	:: !good /* lost */
	fi;
	if
	:: copy(kept[i], way)
	:: true
	fi
}

inline draw(i)
{
	answer = n[i].hello;
	if
#ifdef NO_LOT
	:: n[i].stale -> answer = n[i].stale
#else
	:: n[i].stale && (answer == 0 || n[i].drawn) -> answer = n[i].stale; n[i].drawn = 0
#endif
	:: else -> n[i].drawn = n[i].drawn || answer
	fi;
	n[i].hello = 0; n[i].stale = 0
}

proctype speaker(byte i)
{
	byte answer;

	do
	:: atomic { n[i].wants != 0 -> start(i, n[i].wants) } /* nothing is sent until it is on disk */
	:: atomic {
		n[i].wants == 0 ->
		draw(i);
		send(i, n[i].peer_boot);
		if
		:: answer != 0 -> send(i, answer)
		:: else
		fi;
		answer = 0
	   }
	od
}

proctype attacker()
{
	do
	:: atomic { kept[0].boot -> to = 1; copy(way, kept[0]); receive(); kept[0].taken = way.taken; kept[0].seen = way.seen }
	:: atomic { kept[1].boot -> to = 0; copy(way, kept[1]); receive(); kept[1].taken = way.taken; kept[1].seen = way.seen }
	od
}

proctype disaster()
{
	byte i;

	do
	:: atomic {
		restarts < RESTARTS ->
		restarts++;
		if
		:: i = 0
		:: i = 1
		fi;
		n[i].peer_boot = 0; n[i].peer_epoch = 0; n[i].vector = 0; kept[1 - i].seen = 0;
		if
		:: start(i, n[i].epoch + 1) /* leaves room for what a rolled-back disk may draw */
		:: start(i, 0) /* an older disk */
		fi;
		i = 0
	   }
	:: atomic { good = 1; break }
	od
}

init {
	atomic {
		start(0, 1); start(1, 1);
		run speaker(0); run speaker(1); run attacker(); run disaster()
	}
}

ltl meet { (<> good) -> (<> [] MET) }
