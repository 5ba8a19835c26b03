"""Was every answer right? Replays what each node knew, by rules written here a second time, and holds each answer against it.

    history_check.py FILE…      a history as history.py gathers it; exits 1 where an answer is not explained

A *fact* is a verdict of a node, an override, or the state of a link. It comes into force at each node some time between
`earliest` and `latest`:

    verdict of ns1      at ns1  its time … + slack           at ns2  its time … + the way there + slack
                                                             (the wire is bad: … until it was good, + the time to make up)

An answer that was asked for at `sent` and came at `received` may rest on any fact that was in force at some time between the two.
Where one fact of a kind was surely followed by another before `sent`, it may not. So each answer has a set of states that explain
it: of each member of the service the own ballot, the twin's, the newest override; and of the link. A member's state, and the
tier that serves, follow from those by the rules of the protocol (any-up) and of the configuration. An answer that none of them
gives is a fault, and so is a silence of a node that lives, and nodes that do not answer alike at the end.

How late may a node be? RTT/2 + 25 ms is the promise (that of the protocol). On top of it comes what this machine is late by,
which is no node's doing:

* SLACK_S: four processes act in a row (the prober's result is stamped by the coordinator; then its twin's coordinator, the
  responder, the client), and the wire is a fifth. Each of them waits for a core. Two cores that also compile make a process
  wait for a few ms often, and a time slice or two of 10 ms at worst, five times over.
* LAG_FACTOR times the worst lateness that the clients measured at themselves around the time: they only wait for a timer, so
  that all of it is the machine's. Five processes may be as late as that one, each.
* lost packets: what is lost is repeated with each heartbeat. At a loss of p, TRIES of them in a row are lost once in p^-TRIES:
  at 30 % once in 10^8.
"""
import bisect
import json
import sys

BOUND_S = 0.025
SLACK_S = 0.100
LAG_FACTOR = 5
LAG_NEAR_S = 2.0   # around an answer, whose lags count
TRIES = 16
MAKE_UP_S = 2.0    # after the wire is good again: a new session, and all that is lacking; a lost hello waits for the next heartbeat
TCP_S = 6.0        # an attempt to connect is made every 5 s
BOOT_S = 6.0       # after its start a node's own "down" from the journal is no vote until results bear it out, at most so long
DYING_S = 5.0      # before a kill that the story notes: queries that were in the sockets of a node that did not run, and died so
ROUNDING_S = 0.002 # journal and events hold whole milliseconds
COUNTS, ABSENT = ("active", "mismatch", "tcp-only"), ("lost", "waiting", "incompatible")
FAULTS_MAX = 20    # told
FOREVER = float("inf")


class Facts:
    """Of one kind at one node: (earliest, latest, value), in the order in which they were made."""

    def __init__(self, first):
        self.list = [(-FOREVER, -FOREVER, first)]

    def add(self, earliest, latest, value):
        self.list.append((earliest, max(latest, earliest), value))

    def between(self, sent, received):
        """The values that may have been in force at some time between."""
        found, sure = [], False
        for earliest, latest, value in reversed(self.list):
            if not sure and earliest <= received and value not in found:
                found.append(value)
            sure = sure or latest <= sent
        return found


class History:
    def __init__(self, h, slack_s=SLACK_S):
        self.h, self.slack_s = h, slack_s
        self.nodes = list(h["ballots"])
        self.lag = sorted(h["lag"])
        self.wire = {way: self.read_wire(way) for way in ("ab", "ba")}
        self.links = {n: sorted(h["links"][n]) for n in self.nodes}
        self.answered = {n: self.read_answered(n) for n in self.nodes}
        self.facts = {}
        for at in self.nodes:
            self.read_links(at)
            self.read_overrides(at)
            for by in self.nodes:
                self.read_ballots(at, by)

    def read_answered(self, node):
        """[(sent, when the first of this question and all later ones was answered)], the earliest first."""
        found, first = [], FOREVER
        times = ((a[0], a[1]) for a in self.h["answers"] if a[2] == node and a[1] is not None)
        for sent, received in sorted(times, reverse=True):
            first = min(first, received)
            found.append((sent, first))
        return found[::-1]

    def was_passed_over(self, node, sent, end):
        """Questions wait in one queue: who answers a later one before the end has not been kept from this one by it."""
        later = bisect.bisect_right(self.answered[node], (sent, FOREVER))
        return later < len(self.answered[node]) and self.answered[node][later][1] < end

    def dies_with(self, node, sent, end):
        return end - DYING_S <= sent and not self.was_passed_over(node, sent, end)

    # ---- the network ----

    def read_wire(self, way):
        """[(begin, settings)]; a change is taken to hold from when its command was given to when it was obeyed, the worse one."""
        found = [(-FOREVER, {})]
        for begun, done, w, settings in self.h["wire"]:
            if w == way:
                found.append((begun if self.is_bad(settings) else done, settings))
        return found

    @staticmethod
    def is_bad(s):
        return s.get("cut") or s.get("udp_cut") or s.get("longest", 2048) < 1300 or s.get("loss", 0) > 0.9

    def other(self, node):
        return next(n for n in self.nodes if n != node)

    def link_at(self, node, t):
        states = [s for when, s in self.links[node] if when <= t]
        return states[-1] if states else "waiting"

    def is_good(self, t):
        """Whether a packet, and its echo, pass: or the link has gone over to TCP at both ends, and nothing but UDP is cut."""
        if not any(self.is_bad(self.settings(way, t)) for way in ("ab", "ba")):
            return True
        if any(self.is_bad({**self.settings(way, t), "udp_cut": False}) for way in ("ab", "ba")):
            return False
        return all(self.link_at(n, t) == "tcp-only" for n in self.nodes)

    def settings(self, way, t):
        current = {}
        for begin, s in self.wire[way]:
            if begin <= t:
                current = s
        return current

    def way_s(self, t):
        """How long a change of that time may be on its way, when the network is good."""
        slowest = 0.0
        for way in ("ab", "ba"):
            s = self.settings(way, t)
            ms = s.get("delay_ms", 0) + s.get("jitter_ms", 0) + (s.get("late_ms", 0) if s.get("reorder") else 0)
            slowest = max(slowest, ms / 1000 + (TRIES * self.h["interval"] if s.get("loss") else 0))
        return slowest

    def may_leave(self, by, t):
        """At the earliest when a fact of time t gets past a wire that is cut."""
        way = "ab" if by == self.nodes[0] else "ba"
        changes = [(begun, done, s["cut"]) for begun, done, w, s in self.h["wire"] if w == way]
        while True:
            before = [c for c in changes if c[1] <= t]  # surely in force
            if not before or not before[-1][2] or any(begun <= t < done and not cut for begun, done, cut in changes):
                return t
            t = next((begun for begun, done, cut in changes if done > t and not cut), FOREVER)
            if t == FOREVER:
                return t

    def is_alive(self, node, t):
        return any(begin <= t and (end is None or t < end) for begin, end in self.h["lives"][node])

    def troubles(self, t):
        """Times from t on at which something changed that could let a packet through, or not."""
        times = [when for way in self.wire.values() for when, _ in way] + [w for n in self.nodes for w, _ in self.links[n]]
        times += [w for n in self.nodes for life in self.h["lives"][n] for w in life if w] + [s for n in self.nodes for s in self.h["started"][n]]
        return sorted({w for w in times if w > t})

    def arrives(self, t):
        """At the latest when a fact of time t is known to the twin: the first moment from which all was well for long enough."""
        begin, made_up = t, 0.0
        changes = self.troubles(t)
        while True:
            well = self.is_good(begin) and all(self.is_alive(n, begin) for n in self.nodes) and not self.fresh_start(begin)
            due = begin + max(self.way_s(begin) + BOUND_S, made_up) + self.slack(begin)
            following = next((c for c in changes if c > begin), FOREVER)
            if well and (due <= following or self.stays_well(begin, following)):
                return due
            if following == FOREVER:
                return FOREVER
            if not well or not self.stays_well(begin, following):
                made_up = MAKE_UP_S + 2 * self.way_s(following)
            begin = following

    def stays_well(self, before, after):
        """A change that is none for packets: of the link's state among those that count."""
        return (self.is_good(before) and self.is_good(after) and all(self.is_alive(n, after) for n in self.nodes)
                and not self.fresh_start(after) and self.way_s(before) >= self.way_s(after)
                and all(self.link_at(n, after) in (*COUNTS, "suspect") for n in self.nodes))

    def fresh_start(self, t):
        """A coordinator that has just begun knows nothing of its twin."""
        return any(s == t for n in self.nodes for s in self.h["started"][n])

    def slack(self, t):
        i, worst = bisect.bisect_left(self.lag, [t - LAG_NEAR_S, 0]), 0.0
        while i < len(self.lag) and self.lag[i][0] <= t + LAG_NEAR_S:
            worst = max(worst, self.lag[i][1])
            i += 1
        return self.slack_s + LAG_FACTOR * worst + ROUNDING_S

    # ---- what each node knew ----

    def read_ballots(self, at, by):
        for t, service, address, state in self.h["ballots"][by]:
            key = (at, "ballot", by, service, address)
            facts = self.facts.setdefault(key, Facts("unknown"))
            if at == by:
                facts.add(t - ROUNDING_S, t + self.slack(t), state)
            else:
                facts.add(self.may_leave(by, t) - ROUNDING_S, self.arrives(t), state)

    def read_overrides(self, at):
        for begun, done, node, address, verb in self.h["overrides"]:
            facts = self.facts.setdefault((at, "override", address), Facts("auto"))
            if at == node:
                facts.add(begun, done + self.slack(done), verb)
            else:
                facts.add(self.may_leave(node, begun) - ROUNDING_S, self.arrives(done), verb)

    def read_links(self, at):
        facts = self.facts[(at, "link")] = Facts("waiting")
        for t, state in self.links[at]:
            facts.add(t - self.slack(t), t + self.slack(t), state)

    def in_force(self, key, sent, received, first):
        return self.facts[key].between(sent, received) if key in self.facts else [first]

    def is_booting(self, node, t):
        return any(s - self.slack(s) <= t <= s + BOOT_S for s in self.h["started"][node])

    def has_forgotten(self, node, sent, received):
        """A node whose own network was away holds no verdict that is three intervals old for one, until it has a new result."""
        return any(begin - self.slack(begin) <= received and (end is None or sent <= end + self.slack(end) + BOOT_S)
                   for begin, end in self.h["forgotten"][node])

    # ---- the rules, a second time ----

    def ballots(self, at, by, service, address, sent, received):
        """What by's vote may count as; "none" abstains."""
        votes = {v if v in ("up", "down") else "none" for v in
                 self.in_force((at, "ballot", by, service, address), sent, received, "unknown")}
        if ("down" in votes and self.is_booting(by, received)) or self.has_forgotten(by, sent, received):
            votes.add("none")
        return votes

    def states(self, at, service, address, sent, received):
        """The states that the member may have had."""
        twin = self.other(at)
        links = self.in_force((at, "link"), sent, received, "waiting")
        theirs = set() if all(s in ABSENT for s in links) else set(self.ballots(at, twin, service, address, sent, received))
        if any(s not in COUNTS for s in links) or self.is_booting(at, received) or self.is_booting(twin, received):
            theirs.add("none")
        own = self.ballots(at, at, service, address, sent, received)
        found = set()
        for verb in self.in_force((at, "override", address), sent, received, "auto"):
            if verb in ("up", "down"):
                found.add(verb)
                continue
            for a in own:
                for b in theirs:
                    found |= {"up"} if "up" in (a, b) else {"down"} if "down" in (a, b) else {"up", "down"}  # held: as it was
        return found

    def may_be(self, at, service, answer, sent, received):
        """Whether some choice of those states gives this answer: the first tier with a member up, those of it that are up; where
        none has, the members of the first."""
        tiers = [{a: self.states(at, service, a, sent, received) for a in tier} for tier in self.h["services"][service]]
        for tier in tiers:
            if set(answer) <= set(tier) and all("up" in tier[a] for a in answer) and answer \
                    and all("down" in s for a, s in tier.items() if a not in answer):
                return True
            if not all("down" in s for s in tier.values()):
                return False
        return sorted(answer) == sorted(self.h["services"][service][0])

    # ---- the judgement ----

    def judge(self, sent, received, node, service, answer):
        """None, or what is wrong."""
        if answer is None or received is None:
            lives = self.h["lives"][node]
            owed = any(b <= sent and (e is None or (sent < e and not self.dies_with(node, sent, e))) for b, e in lives)
            taken = any(sent <= e and (sent >= b or self.dies_with(node, sent, b)) for b, e in self.h["deaths"][node])
            return "nobody answered" if owed and not taken else None
        if not isinstance(answer, list):
            first_round = min(self.h["started"][node], default=0) + BOOT_S  # with nothing known, it says so
            return None if answer == "SERVFAIL" and sent <= first_round else f"answered {answer}"
        if self.may_be(node, service, answer, sent, received):
            return None
        known = {a: sorted(self.states(node, service, a, sent, received)) for t in self.h["services"][service] for a in t}
        return f"answered {' '.join(answer) or 'nothing'}, which no state explains: {known}"

    def end_alike(self):
        last = {}
        for sent, _, node, service, answer in self.h["answers"]:
            if answer is not None and sent >= last.get((node, service), (0,))[0]:
                last[(node, service)] = (sent, answer)
        for service in self.h["services"]:
            told = [last.get((n, service), (0, None))[1] for n in self.nodes if self.h["lives"][n] and self.h["lives"][n][-1][1] is None]
            if any(t != told[0] for t in told):
                yield f"at the end the nodes do not answer {service} alike: {told}"

    def faults(self):
        found = []
        for sent, received, node, service, answer in self.h["answers"]:
            wrong = self.judge(sent, received, node, service, answer)
            if wrong:
                found.append(f"{sent:.3f} {node} {service}: {wrong}")
        if not self.h["answers"]:
            found.append("nobody asked anything")
        return found + list(self.end_alike())


def faults(h, slack_s=SLACK_S):
    return History(h, slack_s).faults()


def least_slack(h, steps=(0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)):
    """The smallest of these, in seconds, with which all is explained; None where no one does. For measurements."""
    return next((s for s in steps if not faults(h, s)), None)


def main(paths):
    status = 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            h = json.load(f)
        found = faults(h)
        for text in found[:FAULTS_MAX]:
            print(f"{path}: {text}")
        print(f"{path}: {len(h['answers'])} answers, {len(found)} faults; slack needed: {least_slack(h)}")
        status = status or bool(found)
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
