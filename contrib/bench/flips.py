#!/usr/bin/env python3
"""What a change of health costs, and how many a second are borne.

    flips.py BUILD cost [--seconds 10]       CPU time of a flip, all processes: 10 services, and the same 10 among 10,000 with
                                             100,000 members; in turns, what goes on without flips taken off
    flips.py BUILD rate [--seconds 10]       5,000 services that each flip every second, while answers are asked for

A flip is one verdict that changes one answer.  The check that flips is a script that says up and down in turns, so a probe costs
nothing but itself; its interval and the number of services make the rate.
"""
import argparse
import os
import socket
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Message, Node, Scratch, encode_query, free_port, progress, wait_until  # noqa: E402  (needs the path above)

ZONE = "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\n"
# Half of the services begin with a failure, so that not all say the same at once.
TOGGLE = """return function (target)
  local n = target.state.n or (#target.address + target.address:byte(-1)) % 2
  target.state.n = n + 1
  return n % 2 == 0
end
"""
STEADY = "return function () return true end\n"
SPARE = "127.9.9.9"
ROUNDS = 3


def configuration(port, flipping, interval_ms, steady, members):
    return f"""
node "b" {{ listen = {{ "127.0.0.1:{port}" }}, control = "run/b.sock", state = "run/b", workers = 1 }}
limits {{ rrl = false }}
zone "example.test" {{ file = "example.test.zone" }}
check "flips" {{ script = "toggle.lua", interval = "{interval_ms}ms", timeout = "{interval_ms // 2}ms", fall = 1, rise = 1 }}
check "stays" {{ script = "steady.lua", interval = "1h", timeout = "1s" }}
for i = 0, {flipping} - 1 do
  service(string.format("f%d.example.test", i)) {{ check = "flips",
    tiers = {{ {{ string.format("127.16.%d.%d", i // 250, i % 250 + 1) }} }}, all_down = {{ "{SPARE}" }} }}
end
for i = 0, {steady} - 1 do
  local tier = {{}}
  for k = 0, {members} - 1 do
    local n = i * {members} + k
    tier[#tier + 1] = string.format("127.%d.%d.%d", 32 + n // 62500, n // 250 % 250, n % 250 + 1)
  end
  service(string.format("s%d.example.test", i)) {{ check = "stays", tiers = {{ tier }} }}
end
"""


class Server:
    def __init__(self, build, scratch, name, *shape):
        self.port = free_port()
        folder = scratch.path(name)
        os.mkdir(folder)
        for file, text in (("example.test.zone", ZONE), ("toggle.lua", TOGGLE), ("steady.lua", STEADY)):
            scratch.write(f"{name}/{file}", text)
        self.log = os.path.join(folder, "log")
        self.node = Node(os.path.join(build, "gemeld"), scratch.write(f"{name}/gemel.lua", configuration(self.port, *shape)), "b",
                         log=self.log).start(60)
        time.sleep(3)  # the first round; what follows is a measurement, not a test

    def flips(self):
        with open(self.log, "rb") as f:
            return sum(1 for line in f if b"event=answer" in line)

    def cpu_ns(self):
        total = 0
        for pid in self.node.children().values():
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        return total

    def measure(self, seconds):
        flips, cpu = self.flips(), self.cpu_ns()
        time.sleep(seconds)
        return self.flips() - flips, self.cpu_ns() - cpu


def cost(build, seconds):
    """10 services flip 10 times a second each; idle is a plan of the same size with a check that stays."""
    with Scratch() as scratch:
        shapes = {"10": (10, 100, 0, 0), "10 of 10,000": (10, 100, 9990, 10)}
        idle = {"10": (0, 100, 10, 1), "10 of 10,000": (0, 100, 10000, 10)}
        figures = {s: [] for s in shapes}
        for r in range(ROUNDS):
            for s in shapes:
                per = []
                for kind, shape in (("flip", shapes[s]), ("idle", idle[s])):
                    progress(f"round {r + 1} of {ROUNDS}, {s}, {kind}")
                    server = Server(build, scratch, f"{kind}{r}-{s.replace(' ', '').replace(',', '')}", *shape)
                    try:
                        per.append(server.measure(seconds))
                    finally:
                        server.node.kill()
                (n, busy), (_, still) = per
                figures[s].append((busy - still) / max(n, 1) / 1000)
                progress()
                print(f"round {r + 1}, {s}: {n} flips, {figures[s][-1]:.1f} us CPU a flip, idle {still / seconds / 1e6:.1f} ms/s",
                      flush=True)
        a, b = (statistics.median(figures[s]) for s in shapes)
        print(f"median: {a:.1f} us a flip at 10 services, {b:.1f} us at 10,000 (100,000 members): {b / a:.2f} times")


class Client(threading.Thread):
    """Asks in turn, without pause; an answer must be one of the two that the service can give."""

    def __init__(self, port, services):
        super().__init__(daemon=True)
        self.port, self.services, self.asked, self.lost, self.wrong, self.worst, self.stop = port, services, 0, 0, 0, 0.0, False

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(1)
            queries = [encode_query(f"f{i}.example.test") for i in range(self.services)]
            while not self.stop:
                i = self.asked % self.services
                began = time.monotonic()
                s.send(queries[i])
                try:
                    got = Message(s.recv(2048)).addresses()
                except socket.timeout:
                    self.lost += 1
                    continue
                self.worst = max(self.worst, time.monotonic() - began)
                self.wrong += got not in ([SPARE], [f"127.16.{i // 250}.{i % 250 + 1}"])
                self.asked += 1


def rate(build, seconds):
    with Scratch() as scratch:
        progress("5,000 services begin")
        server = Server(build, scratch, "rate", 5000, 1000, 0, 0)
        client = Client(server.port, 5000)
        try:
            client.start()
            progress(f"they flip for {seconds:.0f} s")
            n, busy = server.measure(seconds)
            client.stop = True
            client.join()
        finally:
            server.node.kill()
        progress()
        print(f"{n / seconds:.0f} flips a second over {seconds:.0f} s, {busy / seconds / 1e7:.0f} % of a CPU in all processes; "
              f"{client.asked} answers asked for meanwhile: {client.lost} lost, {client.wrong} wrong, slowest {client.worst * 1000:.1f} ms")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("what", choices=("cost", "rate"))
    p.add_argument("--seconds", type=float, default=10)
    a = p.parse_args()
    cost(a.build, a.seconds) if a.what == "cost" else rate(a.build, a.seconds)


main()
