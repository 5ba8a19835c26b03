"""A bad wire between two network namespaces, in user space: no kernel needs netem for it.

    namespace a                 this process                  namespace b
      wire0 (TUN) ──────▶ direction "ab": its own dice ──────▶ wire0 (TUN)
                  ◀────── direction "ba": its own dice ◀──────

Each IP packet that one device gives is, in this order: dropped (cut, udp_cut, longer than longest, loss), or held for
delay + a part of jitter, for late more by the chance of reorder, and by the chance of duplicate a second time. The chances
are those of a seeded generator, one a direction. Settings are changed while it runs.

    wire = Wire(case, a, b, seed=7)                     addresses 10.98.0.1 (a) and 10.98.0.2 (b)
    wire.set("both", loss=0.3)                          in force when set returns
    wire.set("ab", cut=True)
    wire.clear()                                        a good wire again
    wire.counts()                                       {"ab": {"passed": 12, "lost": 3, …}, "ba": {…}}

The process ends when the pipe to it does, and its devices with it.
"""
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
UDP = 17
LONGEST = 2048  # above the devices' MTU
QUEUE = 20000  # packets held in one direction; a queue that is full drops, as any router's does
DIRECTIONS = ("ab", "ba")
GOOD = {"cut": False, "udp_cut": False, "loss": 0.0, "delay_ms": 0.0, "jitter_ms": 0.0, "duplicate": 0.0, "reorder": 0.0,
        "late_ms": 20.0, "longest": LONGEST}
ADDRESSES = ("10.98.0.1", "10.98.0.2")


# ---- the process ----

class Direction:
    def __init__(self, name, seed, out):
        self.rng = random.Random(f"{seed}/{name}")
        self.out, self.settings = out, dict(GOOD)
        self.held, self.number = [], 0  # (due, number, packet), the earliest first
        self.count = {"passed": 0, "lost": 0, "cut": 0, "duplicated": 0, "late": 0}

    def refuses(self, packet):
        """What never comes, whatever the dice say."""
        s = self.settings
        return s["cut"] or len(packet) > s["longest"] or (s["udp_cut"] and packet[0] >> 4 == 4 and packet[9] == UDP)

    def take(self, packet, now):
        s = self.settings
        if self.refuses(packet) or len(self.held) >= QUEUE:
            self.count["cut"] += 1
        elif self.rng.random() < s["loss"]:
            self.count["lost"] += 1
        else:
            self.hold(packet, now)
            if self.rng.random() < s["duplicate"]:
                self.count["duplicated"] += 1
                self.hold(packet, now)

    def hold(self, packet, now):
        s = self.settings
        delay_ms = s["delay_ms"] + self.rng.random() * s["jitter_ms"]
        if self.rng.random() < s["reorder"]:
            self.count["late"] += 1
            delay_ms += s["late_ms"]
        self.number += 1
        if delay_ms == 0 and not self.held:
            self.send(packet)
        else:
            heapq.heappush(self.held, (now + delay_ms / 1000, self.number, packet))

    def send(self, packet):
        try:
            os.write(self.out, packet)
            self.count["passed"] += 1
        except OSError:
            self.count["cut"] += 1  # the device is down

    def release(self, now):
        while self.held and self.held[0][0] <= now:
            self.send(heapq.heappop(self.held)[2])


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def drain(fd, direction):
    for _ in range(64):  # then the other one has its turn
        try:
            packet = os.read(fd, LONGEST)
        except OSError:  # nothing more, or the device is down
            return
        direction.take(packet, time.monotonic())


def obey(line, directions):
    command = json.loads(line)
    for name in DIRECTIONS if command["way"] == "both" else (command["way"],):
        if command.get("clear"):
            directions[name].settings = dict(GOOD)
        directions[name].settings.update(command["settings"])
    return json.dumps({n: d.count for n, d in directions.items()})


def serve(seed, names):
    """names: of the two devices, before they are moved and renamed."""
    fds = [open_tun(n) for n in names]
    directions = {"ab": Direction("ab", seed, fds[1]), "ba": Direction("ba", seed, fds[0])}
    poll = select.poll()
    for fd in (0, *fds):
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while True:
        due = min((d.held[0][0] for d in directions.values() if d.held), default=None)
        wait_ms = 1000 if due is None else max(0.0, (due - time.monotonic()) * 1000)
        events = dict(poll.poll(wait_ms))
        for fd, name in zip(fds, DIRECTIONS):
            if events.get(fd, 0) & select.POLLIN:
                drain(fd, directions[name])
        for d in directions.values():
            d.release(time.monotonic())
        if 0 in events:
            line = sys.stdin.readline()
            if not line:
                return
            print(obey(line, directions), flush=True)


# ---- the handle ----

class Wire:
    def __init__(self, case, a, b, seed, device="wire0", addresses=ADDRESSES):
        """a, b: namespaces (spaces.Namespace). Logs every change in .history: (time, way, settings)."""
        self.spaces, self.history, self.device, self.addresses = (a, b), [], device, addresses
        self.state = {n: dict(GOOD) for n in DIRECTIONS}
        names = [f"w{a.pid % 10**6}.{b.pid % 10**6}{c}" for c in "ab"]
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(seed), *names], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        case.addCleanup(self.end)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the wire did not start")
        for i, (space, name) in enumerate(zip(self.spaces, names)):
            subprocess.run(["ip", "link", "set", name, "netns", str(space.pid), "name", device], check=True)
            space.ip("link", "set", device, "addrgenmode", "none")
            space.ip("address", "add", addresses[i], "peer", addresses[1 - i], "dev", device)
        self.up()

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def tell(self, way, clear=False, **settings):
        unknown = set(settings) - set(GOOD)
        if unknown:
            raise ValueError(f"no such settings: {unknown}")
        begun = time.time()
        print(json.dumps({"way": way, "clear": clear, "settings": settings}), file=self.process.stdin)
        answer = json.loads(self.process.stdout.readline())
        for name in DIRECTIONS if way == "both" else (way,):
            self.state[name] = {**(GOOD if clear else self.state[name]), **settings}
            self.history.append({"begun": begun, "done": time.time(), "way": name, "settings": dict(self.state[name])})
        return answer

    def set(self, way, **settings):
        self.tell(way, **settings)

    def clear(self, **settings):
        """Good again, but for the settings."""
        self.tell("both", clear=True, **settings)

    def counts(self):
        print(json.dumps({"way": "both", "settings": {}}), file=self.process.stdin)
        return json.loads(self.process.stdout.readline())

    def link(self, end, state):
        """Takes the device of one end down, or up; both ends see no error but their own."""
        self.spaces[end].ip("link", "set", self.device, state)
        if state == "up":
            self.spaces[end].ip("route", "replace", self.addresses[1 - end], "dev", self.device)

    def cut_link(self, end):
        """As link(end, "down"), and told in the history as the cut that it is."""
        self.set("both", cut=True)
        self.link(end, "down")

    def up(self):
        for end in (0, 1):
            self.link(end, "up")


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:4])
