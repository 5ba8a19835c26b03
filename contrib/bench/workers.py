#!/usr/bin/env python3
"""CPU time an answer takes with one worker, and with two that work at the same time on two cores: do they get in each other's way?

    workers.py BUILD [--rounds 5] [--bursts 200]

The responder is stopped, each worker's socket is filled, and it goes on: so all workers are busy at once, with full batches, while
the client only waits.  Each worker is bound to a CPU of its own; its time is taken from the kernel's account of the thread.
Rounds of one and of two workers take turns; trust the ratio.
"""
import argparse
import glob
import os
import signal
import socket
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
from gemelkit import Node, Scratch, ask, encode_query, free_port, progress, wait_until  # noqa: E402  (needs the path above)

ADDRESS = "127.0.0.1"
HOSTS = 1000
BURST = 192        # for each worker: what a default socket buffer holds
SOCKETS = 32       # the kernel spreads them over the workers by their ports
PATIENCE_S = 5


class Responder:
    def __init__(self, build, scratch, workers):
        self.workers, self.port = workers, free_port(ADDRESS)
        state = scratch.path(f"state{workers}")
        os.mkdir(state)
        config = scratch.write(f"gemel{workers}.lua", (
            f'node "n" {{ listen = {{ "{ADDRESS}:{self.port}" }}, control = "{scratch.path(f"ctl{workers}")}", '
            f'state = "{state}", workers = {workers} }}\nlimits {{ rrl = false }}\nzone "example.test" {{ file = "example.test" }}\n'))
        self.node = Node(os.path.join(build, "gemeld"), config, "n").start()
        if not wait_until(lambda: ask((ADDRESS, self.port), "h1.example.test", timeout=0.3), 10):
            raise RuntimeError("no answer")
        self.pid = self.node.children()["responder"]
        threads = sorted(int(os.path.basename(p)) for p in glob.glob(f"/proc/{self.pid}/task/*"))
        self.threads = threads[-workers:]  # made last, one after another
        for i, t in enumerate(self.threads):
            os.sched_setaffinity(t, {sorted(os.sched_getaffinity(0))[i]})
        self.queries = [encode_query(f"h{i}.example.test", ident=i) for i in range(HOSTS)]
        self.sockets = self.spread()

    def cpu_ns(self):
        total = []
        for t in self.threads:
            with open(f"/proc/{self.pid}/task/{t}/schedstat") as f:
                total.append(int(f.read().split()[0]))
        return total

    def one(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        s.connect((ADDRESS, self.port))
        s.settimeout(PATIENCE_S)
        return s

    def spread(self):
        """SOCKETS / workers of them for each worker: which one a socket belongs to is seen by whose time moves."""
        mine = [[] for _ in self.threads]
        while any(len(m) < SOCKETS // self.workers for m in mine):
            s, before = self.one(), self.cpu_ns()
            for _ in range(20):
                s.send(self.queries[0])
                s.recv(4096)
            spent = [b - a for a, b in zip(before, self.cpu_ns())]
            mine[spent.index(max(spent))].append(s)
        return [s for m in mine for s in m[:SOCKETS // self.workers]]

    def is_stopped(self):
        for path in glob.glob(f"/proc/{self.pid}/task/*/stat"):
            with open(path) as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        return True

    def burst(self):
        count = BURST * self.workers // len(self.sockets)
        os.kill(self.pid, signal.SIGSTOP)
        try:
            if not wait_until(self.is_stopped, PATIENCE_S, 0.0002):
                raise RuntimeError("the responder does not stop")
            for i in range(count):
                for s in self.sockets:
                    s.send(self.queries[(i * 31) % HOSTS])
        finally:
            os.kill(self.pid, signal.SIGCONT)
        wait_until(self.is_idle, PATIENCE_S, 0.001)  # taking answers earlier would disturb who gives them
        for s in self.sockets:
            for _ in range(count):
                s.recv(4096)
        return count * len(self.sockets)

    def is_idle(self):
        for t in self.threads:
            with open(f"/proc/{self.pid}/task/{t}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "S":
                    return False
        return True

    def round_us(self, bursts):
        before = sum(self.cpu_ns())
        answers = sum(self.burst() for _ in range(bursts))
        return (sum(self.cpu_ns()) - before) / answers / 1000


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--bursts", type=int, default=200)
    a = p.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two CPUs are needed")
    os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
    with Scratch() as scratch:
        scratch.write("example.test", "$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns.other.test.\n" +
                      "".join(f"h{i} A 192.0.2.{i % 256}\n" for i in range(HOSTS)))
        both, figures = [], []
        try:
            for workers in (1, 2):
                both.append(Responder(a.build, scratch, workers))
            for r in range(a.rounds):
                order = both if r % 2 == 0 else both[::-1]
                progress(f"round {r} of {a.rounds}")
                us = {x.workers: x.round_us(a.bursts) for x in order}
                figures.append(us)
                progress()
                print(f"round {r}: {us[1]:.3f} us an answer with one worker, {us[2]:.3f} with two: {us[2] / us[1]:.3f}", flush=True)
            print(f"median ratio {statistics.median(f[2] / f[1] for f in figures):.3f}")
        finally:
            for x in both:
                x.node.stop()


main()
