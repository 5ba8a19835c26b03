#!/usr/bin/env python3
"""How long it takes to load many zones or a large one, what they occupy, and what a reload costs.

    load.py [--peers gdnsd,nsd,knot] BUILD SET...
                                        many:100000 = that many zones of 12 records; big:1000000 = one zone of that many names

For each set: the start (wall and CPU seconds of all processes until the first right answer, from the zone that is loaded last), the
memory (of all processes, images once, whoever holds them), then reloads with nothing, one zone and every zone changed; one more with
every zone changed, unhurried, to see the most memory that all processes take meanwhile; and one to see how long a question over TCP
waits at worst. Bars are printed beside what they are for. --peers measures those servers, where installed, with the same zones.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
import loadpeers  # noqa: E402  (needs the path above)
from gemelkit import Node, Scratch, addresses, encode_query, free_port, progress, read_tcp, wait_until  # noqa: E402

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
    kind = "many"

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
    kind = "big"

    def __init__(self, n):
        self.n, self.records, self.zones = n, 7 + n + (n + 4) // 5, 1
        self.names, self.probe = ["big.test"], self.name(n - 1) + ".big.test"

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


def memory_of(pids):
    """Octets that these processes take: their own and files' pages as shared, and every memfd that one of them holds, once."""
    total, memfds = 0, {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                fields = dict(line.split(":", 1) for line in f if line.startswith("Pss_"))
            total += sum(int(fields[k].split()[0]) for k in ("Pss_Anon", "Pss_File")) * 1024
            for fd in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{fd}"
                if os.readlink(path).startswith("/memfd:"):
                    st = os.stat(path)
                    memfds[st.st_dev, st.st_ino] = st.st_blocks * 512
            for inode, octets in mapped_images(pid).items():
                memfds.setdefault(inode, octets)
        except OSError:
            pass  # it ended while we looked
    return total + sum(memfds.values())


def mapped_images(pid):
    """{(device, inode): octets} of the distinct images that a process maps."""
    found = {}
    with open(f"/proc/{pid}/maps") as f:
        for line in f:
            if "gemel-image" in line:
                words = line.split()
                low, high = (int(x, 16) for x in words[0].split("-"))
                major, minor = (int(x, 16) for x in words[3].split(":"))
                inode = (os.makedev(major, minor), int(words[4]))
                found[inode] = max(found.get(inode, 0), high - low)
    return found


class Watch(threading.Thread):
    """Does something again and again, until the with-block ends."""
    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over = step, False

    def run(self):
        while not self.over:
            self.step()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


class Peak:
    """The most memory that was seen."""
    def __init__(self, pids):
        self.pids, self.octets = pids, 0

    def __call__(self):
        self.octets = max(self.octets, memory_of(self.pids()))
        time.sleep(0.01)


class Waits:
    """One question after another on one TCP connection: the longest wait for an answer."""
    def __init__(self, port, name):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        query = encode_query(name)
        self.query, self.worst_s = len(query).to_bytes(2, "big") + query, 0.0

    def __call__(self):
        began = time.monotonic()
        self.socket.sendall(self.query)
        read_tcp(self.socket)
        self.worst_s = max(self.worst_s, time.monotonic() - began)
        time.sleep(0.0005)


# What a load is to cost at most: (set, number) → CPU and wall seconds of the start. From the best peer on the machine these were
# measured on; compare on yours with --peers.
BARS_S = {("big", 1000000): 2.65, ("many", 10000): 0.34, ("many", 100000): 4.5}
RESIDENT_BAR, PEAK_BAR = 100, 200  # octets a record, for the large zone


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

    def settle(self):
        """The loader goes on to write the snapshot, which is no part of what comes next."""
        wait_until(lambda: "loader" not in self.node.children(), PATIENCE_S)

    def answered(self, net):
        found = addresses(("127.0.0.1", self.port), self.data.probe, timeout=0.05)
        return found == self.data.expected(net)

    def wait_answer(self, net):
        if not wait_until(lambda: self.answered(net), PATIENCE_S, 0.002):
            sys.exit(f"no right answer within {PATIENCE_S} s:\n{self.node.log()}")

    def report(self, what, wall, cpu, more=""):
        progress()
        print(f"  {what:26s} {wall:7.3f} s wall {cpu:7.2f} s CPU{more}", flush=True)

    def beside(self, figure, bar):
        return f"   (bar {bar}: {'held' if figure <= bar else 'MISSED'})" if bar else ""

    def start(self, what, net):
        progress(f"  {what}")
        began = time.monotonic()
        self.node.start(ready=None)
        self.wait_answer(net)
        wall = time.monotonic() - began
        if not self.node.wait_log("process=supervisor message=ready", PATIENCE_S):
            sys.exit("it does not become ready")
        cpu = cpu_s(self.pids())
        self.report(what, wall, cpu, self.beside(max(cpu, wall), BARS_S.get((self.data.kind, self.data.n))))

    def reload(self, what, net):
        progress(f"  {what or 'reload, watched'}")
        self.settle()
        before, began = cpu_s(self.pids()), time.monotonic()
        run = subprocess.run([os.path.join(self.build, "gemelctl"), "-s", self.scratch.path("solo.sock"), "reload"],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"reload: {run.stdout}{run.stderr}")
        self.wait_answer(net)
        wall = time.monotonic() - began
        if what:
            self.report(what, wall, cpu_s(self.pids()) - before)

    def tell_memory(self, what, octets, bar):
        progress()
        figure, large = octets / self.data.records, self.data.kind == "big"
        print(f"  {what:26s} {octets / 2 ** 20:7.1f} MiB = {figure:.0f} B a record"
              + (self.beside(figure, bar) if large else f", {octets / self.data.zones:.0f} B a zone"), flush=True)

    def memory(self):
        self.settle()
        self.tell_memory("memory", memory_of(self.pids()), RESIDENT_BAR)
        self.tell_memory("  of it images", sum(mapped_images(self.node.children()["responder"]).values()), None)

    def unhurried(self, folder):
        """Reloads that are watched: that takes time of theirs, so it is not told."""
        self.data.write(folder, 13)
        with Watch(Peak(self.pids)) as w:
            self.reload(None, 13)
        self.tell_memory("peak of a changed reload", w.step.octets, PEAK_BAR)
        self.data.write(folder, 14)
        with Watch(Waits(self.port, self.data.probe)) as w:
            self.reload(None, 14)
        progress()
        print(f"  {'longest wait over TCP':26s} {w.step.worst_s * 1000:7.1f} ms while reloading", flush=True)

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
        self.node.stop()
        self.start("start again, with snapshot", 12)
        self.unhurried(folder)


def measure_peers(names, scratch, data):
    folder = scratch.path("zones")
    for name in names:
        peer = loadpeers.PEERS[name](scratch.path(name), folder, data.names, free_port())
        if not peer.installed():
            print(f"  {name}: not installed", flush=True)
            continue
        progress(f"  {name}")
        began = time.monotonic()
        peer.start()
        try:
            if not wait_until(lambda: addresses(("127.0.0.1", peer.port), data.probe, timeout=0.05) == data.expected(14), PATIENCE_S, 0.002):
                progress()
                print(f"  {name}: no right answer within {PATIENCE_S} s", flush=True)
                continue
            wall, pids = time.monotonic() - began, peer.pids()
            progress()
            print(f"  {name:26s} {wall:7.3f} s wall {cpu_s(pids):7.2f} s CPU, {memory_of(pids) / data.records:.0f} B a record", flush=True)
        finally:
            peer.stop()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peers", default="", help="comma-separated: " + ", ".join(loadpeers.PEERS))
    options.add_argument("build")
    options.add_argument("sets", nargs="+", metavar="SET")
    options = options.parse_args()
    peers = [p for p in options.peers.split(",") if p]
    if any(p not in loadpeers.PEERS for p in peers):
        sys.exit(f"--peers {options.peers}: expected some of {', '.join(loadpeers.PEERS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for word in options.sets:
        kind, _, count = word.partition(":")
        data = {"many": Many, "big": Big}[kind](int(count))
        print(f"{word}: {data.zones} zones, {data.records} records", flush=True)
        with Scratch() as scratch:
            run = Run(os.path.abspath(options.build), scratch, data)
            try:
                run.all()
            finally:
                run.node.kill()
            measure_peers(peers, scratch, data)


if __name__ == "__main__":
    main()
