"""The wire itself: what it is told to do to packets it does, and nothing is left of it."""
import json
import os
import subprocess
import sys
import unittest

import func  # noqa: F401  (it finds gemelkit)
from gemelkit import wait_until
from spaces import Namespace, enter_own
from wire import ADDRESSES, Wire

PATIENCE_S = 30
COUNT = 400  # the most that a device holds while the wire stands still is 500
ROOM = 4 << 20  # of a socket, or as much as the system gives: whoever stands still finds all that came
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(sys.argv[2]))
s.bind((sys.argv[1], 7))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)
"""
SENDER = """
import json, select, socket, sys, time
address, count, size, room, patience_s = sys.argv[1], *map(int, sys.argv[2:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
s.connect((address, 7))
seen, sent, trips = [], {}, []
def read(wait_s):
    got = False
    while select.select([s], [], [], wait_s)[0]:
        n = int(s.recv(2048)[:8])
        seen.append(n)
        trips.append(time.monotonic() - sent[n])
        got, wait_s = True, 0
    return got
for i in range(count):
    sent[i] = time.monotonic()
    s.send(b"%08d" % i + bytes(size - 8))
    read(0.0005)
print("sent", flush=True)
want = int(sys.stdin.readline())
while len(seen) < want and read(patience_s): pass
read(0.05)
print(json.dumps({"seen": seen, "least": min(trips, default=None)}))
"""


class WireItself(unittest.TestCase):
    def setUp(self):
        self.a, self.b = Namespace(self), Namespace(self)
        self.wire = Wire(self, self.a, self.b, seed=11)
        self.start_echo(self.b)

    def send(self, count, size=64):
        """Sends so many and reads as many as the wire, when it has dealt with all, says it brought back: (numbers that came,
        shortest trip)."""
        words = [ADDRESSES[1], count, size, ROOM, PATIENCE_S]
        before = self.wire.counts()
        with subprocess.Popen([*self.a.enter, sys.executable, "-c", SENDER, *map(str, words)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as sender:
            self.assertEqual(sender.stdout.readline(), "sent\n")
            back = wait_until(lambda: self.brought_back(before, count), PATIENCE_S)
            told = json.loads(sender.communicate(f"{back[0] if back else count}\n", timeout=60)[0])
        return told["seen"], told["least"]

    def brought_back(self, before, count):
        """(how many came back since before,) when all that were sent have arrived, and an echo of each; None until then."""
        now = self.wire.counts()
        ab, ba = ({k: now[d][k] - before[d][k] for k in now[d]} for d in ("ab", "ba"))
        dealt = lambda d: d["passed"] + d["lost"] + d["cut"] - d["duplicated"]  # noqa: E731  (what is held has not passed)
        return (ba["passed"],) if dealt(ab) == count and dealt(ba) == ab["passed"] else None

    def start_echo(self, space):
        echo = subprocess.Popen([*space.enter, sys.executable, "-c", ECHO, ADDRESSES[1], str(ROOM)], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (echo.kill(), echo.stdout.close(), echo.wait()))
        self.assertEqual(echo.stdout.readline(), b"ready\n")

    def test_a_good_wire_brings_all_in_order(self):
        self.assertEqual(self.send(COUNT)[0], list(range(COUNT)))

    def test_loss_is_a_direction_s_own(self):
        self.wire.set("ab", loss=0.3)
        seen, _ = self.send(COUNT)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertTrue(COUNT * 0.5 < len(seen) < COUNT * 0.9, len(seen))
        counts = self.wire.counts()
        self.assertEqual(counts["ba"]["lost"], 0)
        self.assertEqual(counts["ab"]["lost"], COUNT - len(seen))

    def test_the_same_seed_loses_the_same(self):
        self.wire.set("ab", loss=0.5)
        first = self.send(100)[0]
        self.a, self.b = Namespace(self), Namespace(self)
        self.wire = Wire(self, self.a, self.b, seed=11)
        self.wire.set("ab", loss=0.5)
        self.start_echo(self.b)
        self.assertEqual(self.send(100)[0], first)

    def test_duplicates(self):
        self.wire.set("ba", duplicate=1.0)
        self.assertEqual(sorted(self.send(100)[0]), sorted([*range(100)] * 2))

    def test_delay_and_reordering(self):
        self.wire.set("both", delay_ms=20)
        self.wire.set("ab", reorder=0.3, late_ms=30)
        seen, least = self.send(200)
        self.assertEqual(sorted(seen), list(range(200)))
        self.assertNotEqual(seen, sorted(seen), "some overtook others")
        self.assertGreaterEqual(least, 0.040)

    def test_cuts(self):
        for settings in ({"cut": True}, {"udp_cut": True}, {"longest": 500}):
            for way in ("ab", "ba"):
                self.wire.set(way, **settings)
                self.assertEqual(self.send(5, size=1000)[0], [], (way, settings))
                self.wire.clear()
        self.assertEqual(len(self.send(5, size=1000)[0]), 5)

    def test_a_link_goes_down_and_comes_back(self):
        for end in (0, 1):
            self.wire.link(end, "down")
            self.wire.link(end, "up")
            self.assertEqual(len(self.send(5)[0]), 5)


class NothingIsLeft(unittest.TestCase):
    def test_when_the_test_is_killed(self):
        """Its own child makes a wire and is killed with -9: processes and devices are gone."""
        story = ("import sys, unittest, time; sys.path.insert(0, sys.argv[1]); import func; from spaces import Namespace; "
                 "from wire import Wire; c = unittest.TestCase(); w = Wire(c, Namespace(c), Namespace(c), 1); "
                 "print(w.process.pid, *(s.pid for s in w.spaces), flush=True); time.sleep(600)")
        child = subprocess.Popen([sys.executable, "-c", story, os.path.dirname(os.path.abspath(__file__))], stdout=subprocess.PIPE)
        pids = child.stdout.readline().split()
        child.stdout.close()
        self.assertEqual(len(pids), 3)
        child.kill()
        child.wait()

        def gone():
            for p in pids:
                try:
                    with open(f"/proc/{int(p)}/stat", encoding="utf-8") as f:
                        if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                            return False
                except (FileNotFoundError, ProcessLookupError):
                    pass
            return True
        self.assertTrue(wait_until(gone, PATIENCE_S), "the wire or a namespace outlived its test")


if __name__ == "__main__":
    enter_own()
    unittest.main(verbosity=1)
