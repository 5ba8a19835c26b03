#!/usr/bin/env python3
"""Queries lost while a server is upgraded again and again under a steady load of dnsperf's.

    upgrade.py BUILD [--rate 50000] [--upgrades 12] [--pause 1.0] [--names 1000] [--runs 1] [--buffer 8192]

Each upgrade is gemelctl upgrade to a fresh copy of the program. Lost is what got no answer in five seconds; an answer is right where it is
NOERROR. A run without an upgrade, as long, stands beside it: what that loses is the machine's. What is lost is told by where: in a
socket of the server that was full (drops of /proc/net/udp), in one of the generator, in the kernel's queue before sockets
(/proc/net/softnet_stat); what remains the server read and did not answer, or nobody knows.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Node, Scratch, free_port, progress  # noqa: E402  (needs the path above)


def install(build, program):
    shutil.copy(os.path.join(build, "gemeld"), program + ".new")
    os.rename(program + ".new", program)


def upgrade(build, program, socket):
    install(build, program)
    begun = time.monotonic()
    run = subprocess.run([os.path.join(build, "gemelctl"), "-s", socket, "upgrade"], capture_output=True, text=True, check=False, timeout=60)
    if run.returncode:
        sys.exit(f"the upgrade failed: {run.stderr}")
    return (time.monotonic() - begun) * 1000


def backlog_drops():
    with open("/proc/net/softnet_stat", encoding="ascii") as f:
        return sum(int(line.split()[1], 16) for line in f)


def udp_errors():
    """Of all sockets of the machine: what was not taken in, and what could not be sent."""
    with open("/proc/net/snmp", encoding="ascii") as f:
        names, values = [line.split() for line in f if line.startswith("Udp:")]
    return {n: int(values[names.index(n)]) for n in ("InErrors", "RcvbufErrors", "SndbufErrors")}


def sockets_of(pid):
    """The inodes of a process's sockets."""
    found = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{entry}")
        except OSError:
            continue
        if link.startswith("socket:["):
            found.add(link[8:-1])
    return found


class Drops(threading.Thread):
    """Drops of the server's sockets and of the generator's, which go with it: so they are looked at all the time."""

    def __init__(self, port, generator):
        super().__init__(daemon=True)
        self.port, self.generator = port, generator
        self.over, self.first, self.last = threading.Event(), {}, {"server": {}, "generator": {}}

    def look(self):
        try:
            theirs = sockets_of(self.generator)
        except OSError:
            return  # it has ended
        with open("/proc/net/udp", encoding="ascii") as f:
            for words in (line.split() for line in f.readlines()[1:]):
                side = "generator" if words[9] in theirs else "server" if int(words[1].split(":")[1], 16) == self.port else None
                if side:
                    self.first.setdefault(words[9], int(words[12]))
                    self.last[side][words[9]] = int(words[12])

    def run(self):
        while not self.over.wait(0.1):
            self.look()

    def end(self):
        self.over.set()
        self.join()
        return {f"{side} ({len(s)} sockets)": sum(n - self.first[i] for i, n in s.items()) for side, s in self.last.items()}


def measure(a, port, questions, between):
    """Runs dnsperf for as long as `between` works and a little longer; gives back (sent, lost, {rcode: count}, what between gave, lost by place)."""
    seconds = int(a.upgrades * (a.pause + 0.5)) + 3
    before, queue = udp_errors(), backlog_drops()
    p = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", questions, "-l", str(seconds), "-Q", str(a.rate), "-c", "16",
                          "-q", "10000", "-t", "5"] + (["-b", str(a.buffer)] if a.buffer else []), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    drops = Drops(port, p.pid)
    drops.start()
    time.sleep(1)
    given = between()
    out = p.communicate(timeout=seconds + 60)[0]
    if given and p.returncode:
        sys.exit(out)
    places = drops.end()
    places["queue"] = backlog_drops() - queue
    places.update({k: v - before[k] for k, v in udp_errors().items() if v > before[k]})
    sent, lost = (int(re.search(rf"Queries {w}:\s+(\d+)", out).group(1)) for w in ("sent", "lost"))
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", out).group(1))
    rcodes = dict(re.findall(r"([A-Z]+) (\d+) \(", re.search(r"Response codes:\s+(.*)", out).group(1)))
    return sent, lost, rate, rcodes, given, places


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--rate", type=int, default=50000)
    p.add_argument("--upgrades", type=int, default=12)
    p.add_argument("--pause", type=float, default=1.0)
    p.add_argument("--names", type=int, default=1000)
    p.add_argument("--runs", type=int, default=1, help="with upgrades")
    p.add_argument("--buffer", type=int, default=8192, help="of a socket of the generator, in KiB; with 0, its default, it drops answers itself")
    a = p.parse_args()
    if not shutil.which("dnsperf"):
        sys.exit("dnsperf is not installed; Debian has it in the package dnsperf")
    with Scratch() as scratch:
        os.mkdir(scratch.path("bin"))
        program, port = scratch.path("bin", "gemeld"), free_port()
        install(a.build, program)
        scratch.write("example.test.zone", "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\n"
                      + "".join(f"n{i} A 192.0.2.{i % 256}\n" for i in range(a.names)))
        questions = scratch.write("questions", "".join(f"n{i}.example.test A\n" for i in range(a.names)))
        config = scratch.write("gemel.lua", f'node "b" {{ listen = {{ "127.0.0.1:{port}" }}, control = "run/b.sock", state = "run/b" }}\n'
                               'zone "example.test" { file = "example.test.zone" }\nlimits { rrl = false }\n')
        node = Node(program, config, "b").start()
        socket = scratch.path("run", "b.sock")

        def upgrades():
            took = []
            for i in range(a.upgrades):
                progress(f"{i} of {a.upgrades} upgrades")
                took.append(upgrade(a.build, program, socket))
                time.sleep(a.pause)
            return took

        try:
            for name, between in [("none", lambda: None)] + a.runs * [(str(a.upgrades), upgrades)]:
                progress("a load without an upgrade" if name == "none" else "a load")
                sent, lost, rate, rcodes, took, places = measure(a, port, questions, between)
                progress()
                print(f"upgrades: {name}: {sent} queries at {rate:.0f}/s, {lost} lost; answers: "
                      + ", ".join(f"{k} {v}" for k, v in sorted(rcodes.items())), flush=True)
                print("    dropped: " + ", ".join(f"{k} {v}" for k, v in places.items()), flush=True)
                if took:
                    took.sort()
                    print(f"    an upgrade took {took[0]:.0f} to {took[-1]:.0f} ms, median {took[len(took) // 2]:.0f}")
        finally:
            node.kill()


main()
