#!/usr/bin/env python3
"""Queries lost while a server is upgraded again and again under a steady load of dnsperf's.

    upgrade.py BUILD [--rate 50000] [--upgrades 12] [--pause 1.0] [--names 1000]

Each upgrade is gemelctl upgrade to a fresh copy of the program. Lost is what got no answer in five seconds; an answer is right where it is
NOERROR. A run without an upgrade, as long, stands beside it: what that loses is the machine's.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Node, Scratch, free_port  # noqa: E402  (needs the path above)


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


def no_room():
    """Datagrams that found no room in a socket of this machine: the server's, or the generator's."""
    with open("/proc/net/snmp", encoding="ascii") as f:
        names, values = [line.split() for line in f if line.startswith("Udp:")]
    return int(values[names.index("RcvbufErrors")])


def measure(a, port, questions, between):
    """Runs dnsperf for as long as `between` works and a little longer; gives back (sent, lost, {rcode: count}, what between gave)."""
    seconds = int(a.upgrades * (a.pause + 0.5)) + 3
    p = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", questions, "-l", str(seconds), "-Q", str(a.rate), "-c", "16",
                          "-q", "10000", "-t", "5", "-b", "8192"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1)
    given = between()
    out = p.communicate(timeout=seconds + 60)[0]
    if given and p.returncode:
        sys.exit(out)
    sent, lost = (int(re.search(rf"Queries {w}:\s+(\d+)", out).group(1)) for w in ("sent", "lost"))
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", out).group(1))
    rcodes = dict(re.findall(r"([A-Z]+) (\d+) \(", re.search(r"Response codes:\s+(.*)", out).group(1)))
    return sent, lost, rate, rcodes, given


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--rate", type=int, default=50000)
    p.add_argument("--upgrades", type=int, default=12)
    p.add_argument("--pause", type=float, default=1.0)
    p.add_argument("--names", type=int, default=1000)
    a = p.parse_args()
    if not shutil.which("dnsperf"):
        sys.exit("dnsperf is not installed")
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
            for _ in range(a.upgrades):
                took.append(upgrade(a.build, program, socket))
                time.sleep(a.pause)
            return took

        try:
            for name, between in (("none", lambda: None), (str(a.upgrades), upgrades)):
                before = no_room()
                sent, lost, rate, rcodes, took = measure(a, port, questions, between)
                print(f"upgrades: {name}: {sent} queries at {rate:.0f}/s, {lost} lost ({no_room() - before} for want of room in a socket, the generator's too), {sum(int(n) for n in rcodes.values())} answers: "
                      + ", ".join(f"{k} {v}" for k, v in sorted(rcodes.items())), flush=True)
                if took:
                    took.sort()
                    print(f"    an upgrade took {took[0]:.0f} to {took[-1]:.0f} ms, median {took[len(took) // 2]:.0f}")
        finally:
            node.kill()


main()
