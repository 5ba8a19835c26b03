"""Gathers what clients were told and what each node knew, in the form that history_check.py takes. Times are seconds since 1970.

    services    {name: [[address, …], …]}                          tiers
    interval    of heartbeats, in seconds
    answers     [[sent, received, node, name, [address, …]], …]    received and addresses null: silence; "SERVFAIL": that
    lag         [[time, seconds], …]                               how late a process ran that only waits: the machine's part
    lives       {node: [[begin, end or null], …]}                  when the story let it live
    deaths      {node: [[begin, end], …]}                          of its responder: what it had taken and not answered is lost
    ballots     {node: [[time, service, address, state], …]}       its own verdicts: what a replay of its recorded results says
    started     {node: [time, …]}                                  of its coordinator
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


def verdicts_of(events, node):
    """[[time, service, address, state], …], its own ones."""
    return [[seconds(e["time"]), e["detail"]["owner"], e["subject"], e["new"]] for e in events
            if e["kind"] == "verdict" and e["observer"] == node]


def ballots_of(lab, node):
    status, out, err = lab.run_gemeld("-c", lab.config, "-n", node, "--replay", lab.scratch.path("run", node, "journal"), "-v", "--json")
    lab.assertEqual((status, err), (0, ""))
    events = [json.loads(line) for line in out.splitlines()]
    return verdicts_of(events, node)


def collect(lab, tiers, interval_s, recorded=True):
    lines = lab.clients.history()
    out = {"services": tiers, "interval": interval_s, "lives": lab.lives, "deaths": lab.deaths, "lag": [], "answers": [], "ballots": {}, "started": {},
           "links": {}, "overrides": lab.overrides}
    for line in lines:
        if line[0] == "lag":
            out["lag"].append(line[1:])
        else:
            out["answers"].append(line[1:])
    for node in lab.nodes:
        events = lab.document(node, "events", "-n", "1000").get("events", [])
        lab.assertTrue(events, f"{node} tells its events")
        out["ballots"][node] = ballots_of(lab, node) if recorded else verdicts_of(events, node)
        out["started"][node] = [seconds(e["time"]) for e in events if e["kind"] == "node" and e["new"] == "started"]
        out["links"][node] = [[seconds(e["time"]), e["new"]] for e in events if e["kind"] == "link"]
    out["wire"] = [[w["begun"], w["done"], w["way"], w["settings"]] for w in lab.wire.history]
    return out
