"""Gathers what clients were told and what each node knew, in the form that history_check.py takes. Times are seconds since 1970.

    services    {name: [[address, …], …]}                          tiers
    interval    of heartbeats, in seconds
    answers     [[sent, received, node, name, [address, …]], …]    received and addresses null: silence; "SERVFAIL": that
    lag         [[time, seconds], …]                               how late a process ran that only waits: the machine's part
    lives       {node: [[begin, end or null], …]}                  when the story let it live
    deaths      {node: [[begin, end], …]}                          of its responder: what it had taken and not answered is lost
    ballots     {node: [[time, service, address, state], …]}       its own verdicts: what a replay of its recorded results says
    started     {node: [time, …]}                                  of its coordinator
    forgotten   {node: [[begin, end or null], …]}                  its own network was away, or its probes were late: its verdicts grew old
    links       {node: [[time, state], …]}                         towards its twin, as it knew
    overrides   [[begun, done, node, address, verb], …]            when the command was given and had its reply
    wire        [[begun, done, "ab" or "ba", settings], …]         a is the first node
"""
import calendar
import json
import time


def seconds(text):
    """Of 2026-11-21T10:05:45.043Z."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


class Clock:
    """Of a node whose wall clock the story stepped, by hours: a story takes minutes, so only one of its steps makes a time that is in it."""

    def __init__(self, lab, node):
        self.steps, self.begin, self.end = lab.steps[node], lab.lives[node][0][0] - 60, time.time() + 60

    def seconds(self, text):
        told = seconds(text)
        return next(told - s for s in self.steps if self.begin <= told - s <= self.end)


def verdicts_of(events, node, clock):
    """[[time, service, address, state], …], its own ones."""
    return [[clock.seconds(e["time"]), e["detail"]["owner"], e["subject"], e["new"]] for e in events
            if e["kind"] == "verdict" and e["observer"] == node]


def forgotten_of(events, clock):
    """[[begin, end or null], …] from the first silence to the word that the network is back, or to a new start; and from a verdict that
    was too old, which no replay of the results tells, to the next of that check."""
    found = []
    for e in events:
        if e["kind"] == "network" and e["new"] in ("lost", "isolated"):
            found.append([clock.seconds(e["time"]) - e["detail"]["silent_ms"] / 1000, None])
        elif (e["kind"] == "network" or e["new"] == "started") and found and found[-1][1] is None:
            found[-1][1] = clock.seconds(e["time"])
    return found + [[clock.seconds(e["time"]), next((clock.seconds(n["time"]) for n in events[i + 1:] if is_next(e, n)), None)]
                    for i, e in enumerate(events) if e["kind"] == "verdict" and e["cause"] == "age"]


def is_next(old, event):
    """Whether that verdict counts no longer."""
    same = (event["kind"], event["subject"]) == ("verdict", old["subject"]) and event["detail"]["owner"] == old["detail"]["owner"]
    return same or event["new"] == "started"


def ballots_of(lab, node, clock):
    status, out, err = lab.run_gemeld("-c", lab.config, "-n", node, "--replay", lab.scratch.path("run", node, "journal"), "-v", "--json")
    lab.assertEqual((status, err), (0, ""))
    events = [json.loads(line) for line in out.splitlines()]
    return verdicts_of(events, node, clock)


def collect(lab, tiers, interval_s, recorded=True):
    lines = lab.clients.history()
    out = {"services": tiers, "interval": interval_s, "lives": lab.lives, "deaths": lab.deaths, "lag": [], "answers": [], "ballots": {}, "started": {},
           "links": {}, "forgotten": {}, "overrides": lab.overrides}
    for line in lines:
        if line[0] == "lag":
            out["lag"].append(line[1:])
        else:
            out["answers"].append(line[1:])
    for node in lab.nodes:
        events = lab.document(node, "events", "-n", "1000").get("events", [])
        lab.assertTrue(events, f"{node} tells its events")
        clock = Clock(lab, node)
        out["ballots"][node] = ballots_of(lab, node, clock) if recorded else verdicts_of(events, node, clock)
        events = [e for e in events if e["observer"] == node]  # each tells the other's as well
        out["started"][node] = [clock.seconds(e["time"]) for e in events if e["kind"] == "node" and e["new"] == "started"]
        out["forgotten"][node] = forgotten_of(events, clock)
        out["links"][node] = [[clock.seconds(e["time"]), e["new"]] for e in events if e["kind"] == "link"]
    out["wire"] = [[w["begun"], w["done"], w["way"], w["settings"]] for w in lab.wire_history()]
    return out
