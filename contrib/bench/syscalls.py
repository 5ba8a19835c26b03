#!/usr/bin/env python3
"""System calls an answer takes when there is always more to answer, and how full its batches are.

    syscalls.py BUILD [--seconds 2] [--window 256]

Attaches strace to the responder's worker while a generator keeps a window of questions outstanding.  strace makes the worker
slower than the generator, so that questions always wait: what is counted is the worst load, not the machine's speed.
Needs strace, and the right to attach it (root, or kernel.yama.ptrace_scope 0).
"""
import argparse
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
from gemelkit import Node, Scratch, ask, encode_query, free_port, progress, wait_until  # noqa: E402  (needs the path above)

ADDRESS = "127.0.0.1"
HOSTS = 1000


class Generator(threading.Thread):
    """Sends a question for each answer; what is lost is sent anew after a pause."""

    def __init__(self, port, window):
        super().__init__(daemon=True)
        self.queries = [encode_query(f"h{i}.example.test", ident=i) for i in range(HOSTS)]
        self.window, self.done = window, False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((ADDRESS, port))
        self.socket.settimeout(0.2)

    def run(self):
        n = 0
        while not self.done:
            for _ in range(self.window):
                n += 1
                self.socket.send(self.queries[n % HOSTS])
            try:
                while not self.done:
                    self.socket.recv(4096)
                    n += 1
                    self.socket.send(self.queries[n % HOSTS])
            except socket.timeout:
                pass


def worker_thread(pid):
    """The responder's thread that has no libevent loop: the last that was made."""
    return max(int(os.path.basename(p)) for p in glob.glob(f"/proc/{pid}/task/*"))


def trace(thread, seconds, path):
    p = subprocess.Popen(["strace", "-qq", "-s", "0", "-o", path, "-p", str(thread)], stderr=subprocess.PIPE)
    time.sleep(seconds)  # not a wait for something: the length of the measurement
    p.send_signal(signal.SIGINT)
    if p.wait() not in (0, -signal.SIGINT) and os.path.getsize(path) == 0:
        sys.exit(p.stderr.read().decode())


def summarise(path):
    calls, batches = {}, {}
    with open(path) as f:
        for line in f:
            m = re.match(r"(\w+)\(.* = (-?\d+)", line)
            if not m:
                continue
            call, result = m.group(1), int(m.group(2))
            calls[call] = calls.get(call, 0) + 1
            if call in ("recvmmsg", "sendmmsg") and result > 0:
                batches.setdefault(call, []).append(result)
    answers = sum(batches.get("sendmmsg", []))
    if not answers:
        sys.exit("nothing was answered while strace looked")
    print(f"{answers} answers, {sum(calls.values()) / answers:.3f} system calls an answer")
    for call, n in sorted(calls.items(), key=lambda x: -x[1]):
        mean = f", {sum(batches[call]) / len(batches[call]):.1f} datagrams a call" if call in batches else ""
        print(f"    {call:<12} {n / answers:.4f}{mean}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--window", type=int, default=256)
    a = p.parse_args()
    os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
    with Scratch() as scratch:
        port = free_port(ADDRESS)
        scratch.write("example.test", "$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns.other.test.\n" +
                      "".join(f"h{i} A 192.0.2.{i % 256}\n" for i in range(HOSTS)))
        config = scratch.write("gemel.lua", f'node "n" {{ listen = {{ "{ADDRESS}:{port}" }}, control = "{scratch.path("ctl")}", '
                               f'state = "{scratch.path("state")}", workers = 1 }}\nlimits {{ rrl = false }}\n'
                               'zone "example.test" { file = "example.test" }\n')
        os.mkdir(scratch.path("state"))
        node, generator = Node(os.path.join(a.build, "gemeld"), config, "n"), Generator(port, a.window)
        try:
            node.start()
            if not wait_until(lambda: ask((ADDRESS, port), "h1.example.test", timeout=0.3), 10):
                sys.exit("no answer")
            generator.start()
            progress(f"strace looks for {a.seconds:.0f} s")
            trace(worker_thread(node.children()["responder"]), a.seconds, scratch.path("trace"))
            generator.done = True
            progress()
            summarise(scratch.path("trace"))
        finally:
            node.stop()


main()
