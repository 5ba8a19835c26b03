"""What the twins promise, measured on two real nodes in network namespaces, joined by the wire of tests/func/wire.py (needs root).

    pair.py BUILD verdict [RUNS [RTT_MS]]   one node's verdict (any-down) -> both answer it
    pair.py BUILD heal [RUNS [RTT_MS]]      1,000 targets changed on both sides of a cut; wire good again -> equal shelves
    pair.py BUILD dead [RUNS]               a target refuses (interval 1 s, fall 3, retry 200 ms) -> both answer without it
    pair.py BUILD kill [RUNS]               a twin is killed -9 while both agree: what the survivor's clients see of it
    pair.py BUILD restart [RUNS]            10,000 targets, kill -9, start -> the first right answer
    pair.py BUILD cost [RUNS]               octets a second and CPU of a link at rest, in windows of four seconds

RUNS is 50 where nothing else is said. Prints median, p99 and worst, and the bar. With PAIR_VALUES=FILE the values are kept there, and
those of earlier runs counted in; PAIR_SECONDS=N begins no further run after so long. So many runs can be made of short ones.
"""
import json
import multiprocessing
import os
import random
import socket
import statistics
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
os.environ.setdefault("srcdir", ROOT)
os.environ.setdefault("builddir", sys.argv[1] if len(sys.argv) > 1 else "build")
sys.path.insert(0, os.path.join(ROOT, "tests", "func"))
from clients import Clients  # noqa: E402
from func import GEMELD  # noqa: E402
from lab import A, B, NODES, PORT, WWW, Lab, ip  # noqa: E402
from spaces import enter_own  # noqa: E402
from switchable import Backends  # noqa: E402
from gemelkit import Message, Node, encode_query, free_port, progress, wait_until  # noqa: E402

ADDRESS = {"ns1": "10.99.0.1", "ns2": "10.99.0.2"}
I_MS = 200


def other(node):
    return next(n for n in NODES if n != node)


def with_earlier(what, values):
    """The values of this run and of those before it, where they are kept."""
    path = os.environ.get("PAIR_VALUES")
    if not path:
        return list(values)
    kept = {}
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            kept = json.load(f)
    kept[what] = kept.get(what, []) + list(values)
    with open(path, "w", encoding="ascii") as f:
        json.dump(kept, f)
    return kept[what]


def rounds(runs):
    end = time.monotonic() + float(os.environ.get("PAIR_SECONDS", "inf"))
    for i in range(runs):
        if time.monotonic() > end:
            break
        progress(f"{i} of {runs} runs")
        yield i
    progress()


def tell(what, values_ms, bar):
    v = sorted(with_earlier(what, values_ms))
    print(f"{what}: {len(v)} values, median {v[len(v) // 2]:.1f} ms, p99 {v[min(len(v) - 1, len(v) * 99 // 100)]:.1f} ms, "
          f"worst {v[-1]:.1f} ms; bar: {bar}", flush=True)


class Crowd(multiprocessing.Process):
    """One process that serves every address of this machine: 200, and 500 on failing addresses to a failing client, as it was told."""

    def __init__(self, lab, address=""):
        super().__init__(daemon=True)
        self.listener = socket.create_server((address, PORT), backlog=4096)
        self.failing = multiprocessing.Value("i", 0)         # 0 nobody, 1 or 2 that node, 3 both
        self.failed_at = multiprocessing.Value("d", 0.0)     # just before the first 500 since armed
        self.only = multiprocessing.Value("i", 0)            # 1: A alone fails
        self.start()
        lab.addCleanup(lambda: (self.kill(), self.join()))

    def fail(self, who, only_a=False):
        self.only.value, self.failed_at.value, self.failing.value = int(only_a), 0.0, who

    def run(self):
        while True:
            conn, (client, _) = self.listener.accept()
            with conn:
                conn.settimeout(1)
                try:
                    conn.recv(4096)
                    fails = self.failing.value & (1 if client == ADDRESS["ns1"] else 2) and \
                        not (self.only.value and conn.getsockname()[0] != A)
                    if fails and self.failed_at.value == 0.0:
                        self.failed_at.value = time.time()  # before it leaves: answers may change before we run again
                    conn.sendall(f"HTTP/1.1 {500 if fails else 200} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                except OSError:
                    pass


class Bench(Lab):
    def prepare(self, text, rtt_ms=0.0, own_backends=True):
        """text: the check and the services."""
        self.setUp()
        if not own_backends:
            self.backends.end()
        self.config = self.scratch.write("bench.lua", self.node_blocks() + f"""
pair {{ name = "bench", key = "pair.key", interval = "{I_MS}ms", agree = "any-down" }}
limits {{ rrl = false }}
zone "example.test" {{ file = "example.test.zone" }}
""" + text)
        self.wire.set("both", delay_ms=rtt_ms / 2)
        return self

    def run_both(self):
        for n in NODES:
            self.start(n)
        self.assert_linked("active")

    def watch(self, step_ms, names=(WWW,)):
        self.clients = Clients(self, self.scratch.path("clients"), {n: self.server(n) for n in NODES}, list(names), step_ms=step_ms)

    def wait_answer(self, expected, nodes=NODES):
        self.assert_answers(WWW, *expected, nodes=nodes)


def first_changed(lines, node, since, expected, name=WWW):
    """Milliseconds from a moment to the first answer of that sort."""
    return min(l[2] - since for l in lines if l[0] == "answer" and l[3] == node and l[4] == name and l[2] >= since and l[5] == expected) * 1000


def verdict(runs=50, rtt_ms=20.0):
    b = Bench().prepare(f"""
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, interval = "200ms", timeout = "150ms", fall = 1, rise = 1 }}
service "{WWW}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}
""", rtt_ms, own_backends=False)
    try:
        crowd = Crowd(b)
        b.run_both()
        b.wait_answer([A, B])
        b.watch(1)
        moments = []
        for i in rounds(runs):
            crowd.fail(1 + i % 2, only_a=True)
            b.wait_answer([B])
            moments.append((NODES[i % 2], crowd.failed_at.value))
            crowd.fail(0)
            b.wait_answer([A, B])
        lines = b.clients.history()
    finally:
        b.doCleanups()
    own = [first_changed(lines, n, t, [B]) for n, t in moments]
    twin = [first_changed(lines, other(n), t, [B]) for n, t in moments]
    tell(f"verdict -> own answer, RTT {rtt_ms:.0f} ms", own, "5 ms")
    tell("verdict -> both answers", [max(o, t) for o, t in zip(own, twin)], f"RTT/2 + 25 ms = {rtt_ms / 2 + 25:.0f} ms")


TARGETS = 1000


def ask_control(b, node, *words):
    """As gemelctl --json does, without the cost of a process."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(b.scratch.path("run", f"{node}.sock"))
        s.sendall(b"GEMC" + struct.pack(">BHH", 1, 80, len(words)) + b"".join(struct.pack(">H", len(w)) + w.encode() for w in words))
        data = b""
        while part := s.recv(65536):
            data += part
    size = struct.unpack(">I", data[1:5])[0]
    return json.loads(data[5:5 + size])


def count_up(b, node):
    """Targets that the node itself finds up."""
    return sum(t["state"] == "up" for t in ask_control(b, node, "targets")["targets"])


def last_found(b, node):
    """The services of the targets whose verdicts were the node's last, those of one moment: a shelf is sent in that order."""
    since = {t["address"]: t["since"] for t in ask_control(b, node, "targets")["targets"]}
    last = max(since.values())
    return [service_of(a) for a, t in since.items() if t == last]


def service_of(address):
    high, low = (int(n) for n in address.split(".")[2:])
    return f"s{high * 250 + low - 1}.example.test"


def knows(b, node, services, state):
    return all(ask_control(b, node, "service", s)["members"][0]["twin"] == state for s in services)


def wait_for_all(b, want, text):
    """Asked now and then: a list of 1,000 targets keeps a node busy, and late."""
    if not wait_until(lambda: all(count_up(b, n) == want for n in NODES), 60, 0.4):
        b.fail_with_logs(text)


def heal(runs=50, rtt_ms=20.0):
    services = "".join(f'service "s{i}.example.test" {{ check = "web", tiers = {{ {{ "10.100.{i // 250}.{i % 250 + 1}" }} }} }}\n'
                       for i in range(TARGETS))
    b = Bench().prepare(f"""
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, interval = "4s", timeout = "1s", fall = 1, rise = 1, flap = false }}
""" + services, rtt_ms, own_backends=False)
    try:
        ip("route", "add", "local", "10.100.0.0/16", "dev", "lo")
        b.addCleanup(ip, "route", "del", "local", "10.100.0.0/16", "dev", "lo")
        for s in b.spaces.values():
            s.ip("route", "add", "10.100.0.0/16", "via", "10.99.0.100")
        crowd = Crowd(b)
        b.run_both()
        times = []
        for i in rounds(runs):
            want = TARGETS * (i % 2)
            wait_for_all(b, TARGETS - want, "all are as they were")
            b.wire.set("both", cut=True)
            crowd.fail(0 if want else 3)
            b.assert_linked("lost")
            wait_for_all(b, want, "each has found all the changes by itself")
            last = {n: last_found(b, other(n)) for n in NODES}
            state = "up" if want else "down"
            b.wire.set("both", cut=False)
            healed = time.monotonic()
            if not wait_until(lambda: all(knows(b, n, last[n], state) for n in NODES), 30, 0.001):
                sys.exit("not within 30 s")
            times.append((time.monotonic() - healed) * 1000)
            b.assert_soon(lambda: all(b.document(n, "peers")["peers"][0]["same_records"] for n in NODES), "all the rest came before")
    finally:
        b.doCleanups()
    tell(f"heal -> equal shelves, {TARGETS} targets changed on both sides, RTT {rtt_ms:.0f} ms", times,
         f"I + 2 RTT + 50 ms = {I_MS + 2 * rtt_ms + 50:.0f} ms")


def dead(runs=50):
    """Ten services, each with a target of its own that dies at a moment of its own within a second."""
    names = {f"d{i}.example.test": f"10.99.0.{20 + i}" for i in range(10)}
    b = Bench().prepare(f"""
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, interval = "1s", timeout = "300ms", retry = "200ms", fall = 3, rise = 1 }}
""" + "".join(f'service "{n}" {{ check = "web", tiers = {{ {{ "{a}", "{B}" }} }}, agree = "any-up" }}\n' for n, a in names.items()))
    try:
        for a in names.values():
            ip("address", "add", f"{a}/24", "dev", "br0")
        mortal = Backends(b, PORT, names.values())
        b.run_both()
        b.watch(4, names)
        moments = []
        for _ in range(0, runs, len(names)):
            for n, a in names.items():
                b.assert_answers(n, a, B)
            for n, at in sorted(((n, time.monotonic() + random.random()) for n in names), key=lambda p: p[1]):
                time.sleep(max(0.0, at - time.monotonic()))
                moments.append((n, time.time()))
                mortal.set(names[n], "closed")
            for n in names:
                b.assert_answers(n, B)
            for a in names.values():
                mortal.set(a, "up")
        lines = b.clients.history()
    finally:
        b.doCleanups()
    tell("target refuses -> both answer without it",
         [max(first_changed(lines, node, t, [B], n) for node in NODES) for n, t in moments], "p99 2,500 ms")


def kill(runs=50):
    b = Bench().prepare(f"""
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, interval = "1s", timeout = "300ms", retry = "200ms", fall = 3, rise = 2 }}
service "{WWW}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }}, agree = "any-up" }}
""")
    try:
        b.backends.set(A, "failing")
        b.run_both()
        b.wait_answer([B])
        b.watch(1)
        for i in rounds(runs):
            victim, survivor = NODES[i % 2], NODES[1 - i % 2]
            b.kill(victim)
            b.assert_linked("lost", nodes=[survivor])
            b.start(victim)
            b.assert_linked("active")
            done = i + 1
        lines = b.clients.history()
    finally:
        b.doCleanups()
    asked = changed = lost = 0
    for kind, sent, received, node, _, answer in (l for l in lines if l[0] != "lag"):
        if any(begin <= sent and (end is None or sent < end - 0.1) for begin, end in b.lives[node]):
            asked += 1
            lost += kind == "silence"
            changed += kind == "answer" and answer != [B]
    runs, asked, changed, lost = (sum(with_earlier(f"kill: {k}", [n])) for k, n in
                                  (("runs", done), ("asked", asked), ("changed", changed), ("lost", lost)))
    print(f"twin killed, {runs} times: of {asked} queries to living nodes {changed} answers changed, {lost} were lost; bar: 0 and 0")


def ask_until(server, expected):
    """Asks every 2 ms until the answer is that; gives back how many others came, SERVFAIL left out."""
    wrong = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.002)
        while True:
            try:
                s.sendto(encode_query(WWW), server)
                reply = Message(s.recv(2048))
            except OSError:
                continue
            if reply.addresses() == expected:
                return wrong
            wrong += reply.rcode == "NOERROR"


def restart(runs=50, targets=10000):
    """One node, its twin away: of the first target's service the answer is the standby, which only its journal knows."""
    b = Bench()
    b.setUp()
    try:
        ip("route", "add", "local", "10.100.0.0/16", "dev", "lo")
        b.addCleanup(ip, "route", "del", "local", "10.100.0.0/16", "dev", "lo")
        first, rest = "10.100.0.1", [f"10.100.{i // 250}.{i % 250 + 1}" for i in range(1, targets)]
        services = "".join(f'service "s{i}.example.test" {{ check = "web", tiers = {{ {{ {", ".join(repr(a) for a in rest[i:i + 10])} }} }} }}\n'
                           for i in range(0, len(rest), 10))
        port = free_port()
        config = b.scratch.write("bench.lua", f"""
node "solo" {{ listen = "127.0.0.1:{port}", control = "run/solo.sock", state = "run/solo", workers = 1 }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {PORT}, path = "/" }}, interval = "30s", timeout = "5s", fall = 1, rise = 1 }}
check "dead" {{ script = "http", args = {{ port = 1, path = "/" }}, interval = "1s", timeout = "300ms", fall = 1, rise = 1 }}
service "{WWW}" {{ tiers = {{ {{ {{ "{first}" }} }}, {{ {{ "{A}" }} }} }}, check = "dead", all_down = {{ "{B}" }} }}
""" + services)
        b.backends.end()
        Crowd(b)
        node = Node(GEMELD, config, "solo", log=b.scratch.path("solo.log"))
        b.addCleanup(node.kill)
        node.start()
        b.assert_soon(lambda: sum(t["state"] == "up" for t in b.document("solo", "targets")["targets"]) >= targets - 1, "all are up")
        times = []
        for _ in rounds(runs):
            node.kill()
            begun = time.monotonic()
            node.start(ready=0)
            wrong = ask_until(("127.0.0.1", port), [B])
            times.append((time.monotonic() - begun) * 1000)
            if wrong:
                print(f"  {wrong} wrong answers before it")
            wait_until(lambda: "process=supervisor message=ready" in node.log(), 20)
    finally:
        b.doCleanups()
    tell(f"restart with {targets} targets -> first right answer", times, "300 ms")


def cpu_s(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def cost(runs=50):
    """Nothing is probed, so that what the coordinators do is the pair; a third node without a twin shows what they do else. Who leads wakes up
    twice an interval, who follows once, and they change every ten seconds: of one node the mean over all windows counts."""
    b = Bench().prepare("")
    try:
        b.run_both()
        solo = b.scratch.write("solo.lua", f"""
node "solo" {{ listen = "127.0.0.1:{free_port()}", control = "run/solo.sock", state = "run/solo", workers = 1 }}
zone "example.test" {{ file = "example.test.zone" }}
""")
        alone = Node(GEMELD, solo, "solo", log=b.scratch.path("solo.log")).start()
        b.addCleanup(alone.kill)
        single, paired = alone.children()["coordinator"], [b.nodes[n].children()["coordinator"] for n in NODES]
        time.sleep(2)
        rates, shares, nothing = [], [[], []], []
        for _ in rounds(runs):
            sent = b.document("ns1", "peers")["packets"]["bytes_sent"]
            time.sleep(0.1)  # it has closed the connection that asked
            both, theirs, begun = [cpu_s(p) for p in paired], cpu_s(single), time.monotonic()
            time.sleep(4)
            both, theirs, span = [cpu_s(p) - was for p, was in zip(paired, both)], cpu_s(single) - theirs, time.monotonic() - begun
            rates.append((b.document("ns1", "peers")["packets"]["bytes_sent"] - sent) / span)
            for of_node, spent in zip(shares, both):
                of_node.append(100 * spent / span)
            nothing.append(100 * theirs / span)
    finally:
        b.doCleanups()
    for what, v, unit, bar in (("payload sent by a node", rates, "octets/s", "1,000"), ("CPU of the coordinators, mean of both", list(map(statistics.mean, zip(*shares))), "%", "0.1"),
                               ("CPU of ns1's", shares[0], "%", "0.1"), ("CPU of ns2's", shares[1], "%", "0.1"), ("CPU of one without a twin", nothing, "%", "none")):
        v = sorted(with_earlier(what, v))
        print(f"{what}: {len(v)} windows, mean {statistics.mean(v):.3g} {unit}, median {v[len(v) // 2]:.3g} {unit}, worst {v[-1]:.3g} {unit}; bar: {bar}")


if __name__ == "__main__":
    STORIES = {f.__name__: f for f in (verdict, heal, dead, kill, restart, cost)}
    if len(sys.argv) < 3 or sys.argv[2] not in STORIES:
        sys.exit(__doc__)
    enter_own()
    random.seed(1)
    STORIES[sys.argv[2]](*(int(v) for v in sys.argv[3:]))
