#!/usr/bin/env python3
"""How long it takes to load many zones or a large one, what they occupy, and what a reload costs.

    load.py BUILD SET...        many:100000 = that many zones of 12 records; big:1000000 = one zone of that many names

For each set: the start (wall and CPU seconds of all processes until the first right answer, from the zone that is loaded last), the
memory (PSS of all processes, octets of the images), then reloads with nothing, one zone and every zone changed.
"""
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
from gemelkit import Node, Scratch, addresses, free_port, wait_until  # noqa: E402  (needs the path above)

PATIENCE_S = 300
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def head(zone, serial):
    return (f"$TTL 3600\n$ORIGIN {zone}.\n@ IN SOA ns1 hostmaster {serial} 7200 3600 1209600 300\n"
            "@ IN NS ns1\n@ IN NS ns2\nns1 IN A 192.0.2.1\nns1 IN AAAA 2001:db8::1\n"
            "ns2 IN A 192.0.2.2\nns2 IN AAAA 2001:db8::2\n")


def v4(net, i):
    return f"{net}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


class Many:
    """n zones of 12 records, a file each."""
    def __init__(self, n):
        self.n, self.records, self.zones = n, 12 * n, n
        # Scattered names, as customers' zones have; the hash is a permutation, so each is there once.
        self.names = sorted(f"z{i * 2654435761 & 0xffffffff:08x}.test" for i in range(n))
        self.probe = "www." + self.names[-1]

    def write(self, folder, net, only_last=False):
        for i, z in enumerate(self.names):
            if only_last and i < self.n - 1:
                continue
            a = v4(net, i)
            with open(os.path.join(folder, z), "w") as f:
                f.write(head(z, net) + f"@ IN A {a}\nwww IN A {a}\nwww IN AAAA 2001:db8:{i >> 16:x}::{i & 65535:x}\n"
                        f"@ IN MX 10 mail\nmail IN A {a}\n")

    def expected(self, net):
        return [v4(net, self.n - 1)]


class Big:
    """One zone with n names, every fifth with a second record."""
    def __init__(self, n):
        self.n, self.records, self.zones = n, 7 + n + (n + 4) // 5, 1
        self.probe = self.name(n - 1) + ".big.test"

    @staticmethod
    def name(i):
        return f"h{i * 2654435761 & 0xffffffff:08x}"

    def write(self, folder, net, only_last=False):
        with open(os.path.join(folder, "big.test"), "w") as f:
            f.write(head("big.test", net))
            for i in range(self.n):
                f.write(f"{self.name(i)} IN A {v4(10 if only_last and i < self.n - 1 else net, i)}\n")
                if i % 5 == 0:
                    f.write(f"{self.name(i)} IN AAAA 2001:db8:{i >> 16:x}::{i & 65535:x}\n")

    def expected(self, net):
        return [v4(net, self.n - 1)]


def cpu_s(pids):
    """CPU seconds of these processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            ticks += sum(int(w) for w in f.read().rsplit(")", 1)[1].split()[11:15])
    return ticks * TICK_S


def pss(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024
    return total


def image_octets(pid):
    """Sizes of the distinct images that a process maps."""
    found = {}
    with open(f"/proc/{pid}/maps") as f:
        for line in f:
            if "gemel-image" in line:
                words = line.split()
                low, high = (int(x, 16) for x in words[0].split("-"))
                found[words[4]] = max(found.get(words[4], 0), high - low)
    return sum(found.values())


class Run:
    def __init__(self, build, scratch, data):
        self.build, self.scratch, self.data = build, scratch, data
        self.port = free_port()
        os.mkdir(scratch.path("zones"))
        self.config = scratch.write("gemel.lua", f'node "solo" {{ listen = {{ "127.0.0.1:{self.port}" }}, control = "solo.sock", '
                                    'state = "state", workers = 1 }\nlimits { rrl = false }\nzones "zones"\n')
        self.node = Node(os.path.join(build, "gemeld"), self.config, "solo", log=scratch.path("log"))

    def pids(self):
        return [self.node.process.pid, *self.node.children().values()]

    def answered(self, net):
        found = addresses(("127.0.0.1", self.port), self.data.probe, timeout=0.05)
        return found == self.data.expected(net)

    def wait_answer(self, net):
        if not wait_until(lambda: self.answered(net), PATIENCE_S, 0.002):
            sys.exit(f"no right answer within {PATIENCE_S} s:\n{self.node.log()}")

    def report(self, what, wall, cpu, more=""):
        print(f"  {what:26s} {wall:7.3f} s wall {cpu:7.2f} s CPU{more}", flush=True)

    def start(self, what, net):
        began = time.monotonic()
        self.node.start(ready=None)
        self.wait_answer(net)
        wall = time.monotonic() - began
        if not self.node.wait_log("supervisor: ready", PATIENCE_S):
            sys.exit("it does not become ready")
        self.report(what, wall, cpu_s(self.pids()))

    def reload(self, what, net):
        before, began = cpu_s(self.pids()), time.monotonic()
        run = subprocess.run([os.path.join(self.build, "gemelctl"), "-s", self.scratch.path("solo.sock"), "reload"],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"reload: {run.stdout}{run.stderr}")
        self.wait_answer(net)
        wall = time.monotonic() - began
        self.report(what, wall, cpu_s(self.pids()) - before)

    def memory(self):
        octets, images = pss(self.pids()), image_octets(self.node.children()["responder"])
        print(f"  memory: PSS {octets / 2 ** 20:.1f} MiB = {octets / self.data.records:.0f} B a record, {octets / self.data.zones:.0f} B a "
              f"zone; images {images / 2 ** 20:.1f} MiB = {images / self.data.records:.0f} B a record, "
              f"{images / self.data.zones:.0f} B a zone", flush=True)

    def all(self):
        folder = self.scratch.path("zones")
        self.data.write(folder, 10)
        self.start("start", 10)
        self.memory()
        self.reload("reload, nothing changed", 10)
        self.data.write(folder, 11, only_last=True)
        self.reload("reload, one zone changed", 11)
        self.data.write(folder, 12)
        self.reload("reload, all changed", 12)
        self.memory()
        self.node.stop()
        self.start("start again, with snapshot", 12)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for word in sys.argv[2:]:
        kind, _, count = word.partition(":")
        data = {"many": Many, "big": Big}[kind](int(count))
        print(f"{word}: {data.zones} zones, {data.records} records", flush=True)
        with Scratch() as scratch:
            run = Run(os.path.abspath(sys.argv[1]), scratch, data)
            try:
                run.all()
            finally:
                run.node.kill()


if __name__ == "__main__":
    main()
