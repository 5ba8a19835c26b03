"""Two nodes on a hostile network: whatever it does to what they tell each other, each answer is one that a state explains which was
current, no query is lost at a node that lives, and when the network is well again both answer alike.

Clients ask both nodes all the time; history_check.py judges what they were told.
"""
import glob
import os
import signal
import subprocess
import unittest

from func import main
from lab import API, A, B, BACKENDS, C, D, NODES, WWW, Story
from spaces import enter_own

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


class Wires(Story):
    def test_a_good_network(self):
        self.begin()
        self.some_life()
        self.close()

    def test_one_way_drops(self):
        self.begin()
        for way, deaf in (("ab", "ns2"), ("ba", "ns1")):
            self.wire.set(way, cut=True)
            self.assert_linked("lost", nodes=[deaf])
            self.assert_linked("half", "lost", nodes=[n for n in NODES if n != deaf])
            self.some_life()
            self.heal()
        self.close()

    def test_loss_both_ways(self):
        self.begin()
        self.wire.set("both", loss=0.3)
        for _ in range(2):
            self.some_life()
        counts = self.wire.counts()
        self.assertTrue(counts["ab"]["lost"] and counts["ba"]["lost"], counts)
        self.heal()
        self.close()

    def test_udp_is_blocked(self):
        self.begin()
        self.wire.set("both", udp_cut=True)
        self.assert_linked("tcp-only")
        self.some_life()
        self.wire.clear(udp_cut=True, loss=0.05, delay_ms=5)  # TCP itself has trouble now
        self.some_life()
        self.heal()
        self.close()

    def test_udp_is_blocked_one_way(self):
        self.begin()
        self.wire.set("ab", udp_cut=True)
        self.assert_linked("tcp-only")
        self.some_life()
        self.heal()
        self.close()

    def test_the_link_goes_down(self):
        self.begin()
        for end in (0, 1):
            self.wire.cut_link(end)
            self.assert_linked("lost")
            self.some_life()
            self.heal()
        self.close()

    def listed(self, node):
        """{what: (verb, who said so)} of what is in force there."""
        return {o["what"]: (o["verb"], o["node"]) for o in self.document(node, "overrides")["overrides"]}

    def test_words_to_both_while_they_are_apart(self):
        """Each node is told something else of the same addresses, in this order and in that; when they meet the newer word holds on both."""
        self.begin()
        for end in ("wire", "cable"):
            if end == "wire":
                self.wire.set("both", cut=True)
            else:
                self.wire.cut_link(0)
            self.assert_linked("lost")
            self.override("ns2", "up", B)
            self.override("ns1", "down", B)
            self.override("ns1", "down", A)
            self.override("ns2", "down", A)
            self.override("ns2", "auto", A)  # a word like any other
            self.assert_answers(WWW, C, nodes=["ns1"])
            self.override("ns2", "up", C)
            self.assert_answers(WWW, A, B, nodes=["ns2"])
            self.heal()
            for n in NODES:
                self.assert_soon(lambda n=n: self.listed(n) == {B: ("down", "ns1"), C: ("up", "ns2")}, f"the newest words at {n}: {self.listed(n)}")
            self.assert_answers(WWW, A)
            self.assert_answers(API, D)
            self.override("ns2", "auto", B)  # each by the other
            self.override("ns1", "auto", C)
            self.assert_answers(WWW, A, B)
        self.close()

    def test_delay_reordering_and_duplicates(self):
        self.begin()
        self.wire.set("both", delay_ms=30, jitter_ms=40, duplicate=0.2, reorder=0.3, late_ms=60)
        self.wire.set("ba", delay_ms=5)  # the ways differ
        self.some_life()
        counts = self.wire.counts()
        self.assertTrue(all(counts[w][k] for w in counts for k in ("late", "duplicated")), counts)
        self.assert_linked("active")
        self.heal()
        self.close()

    def test_all_at_once(self):
        self.begin()
        self.wire.set("both", loss=0.15, delay_ms=10, jitter_ms=30, duplicate=0.1, reorder=0.2)
        self.some_life()
        self.wire.set("ab", cut=True)
        self.some_life()
        self.wire.set("ab", cut=False)
        self.wire.set("ba", cut=True)
        self.some_life()
        self.heal()
        self.close()


class Machines(Story):
    def test_a_node_is_stopped_for_seconds(self):
        """Who is asleep answers late, and with what is true when it wakes up; the other goes on."""
        self.begin()
        self.stop_processes("ns1", signal.SIGSTOP)
        self.assert_linked("lost", nodes=["ns2"])
        self.backends.set(A, "failing")
        self.assert_all(down=[A], nodes=["ns2"])
        self.assert_answers(WWW, B, nodes=["ns2"])
        self.stop_processes("ns1", signal.SIGCONT)
        self.assert_linked("active")
        self.assert_all(down=[A])
        self.assert_answers(WWW, B)
        self.backends.set(A, "up")
        self.close()

    def begin_on_small_disk(self):
        """The state folder of ns1 is a disk of its own; gives back the name of a file for fill()."""
        state = self.scratch.path("run", "ns1")
        os.makedirs(state)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state], capture_output=True, check=False)
        if mount.returncode:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=True)
        self.begin()
        return os.path.join(state, "filler")

    @staticmethod
    def fill(filler):
        with open(filler, "ab", buffering=0) as f:
            for size in (4096, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def close_on_small_disk(self, filler):
        os.unlink(filler)
        self.backends.set(A, "up")
        self.assert_all(up=BACKENDS)
        self.assert_answers(WWW, A, B)
        self.assert_explained(recorded=False)  # what had no room is not recorded

    def test_the_disk_is_full(self):
        filler = self.begin_on_small_disk()
        self.fill(filler)
        self.backends.set(A, "failing")
        self.assert_all(down=[A])
        self.assert_answers(WWW, B)
        self.override("ns2", "down", B)  # where there is room for it
        self.assert_answers(WWW, C)
        self.wire.set("both", cut=True)
        self.assert_linked("lost")
        self.heal()  # the same epoch: a cut needs no disk
        self.override("ns2", "auto", B)
        self.close_on_small_disk(filler)

    def epoch(self):
        with open(self.scratch.path("run", "ns1", "epoch"), "rb") as f:
            return f.read()

    def test_a_start_on_a_full_disk(self):
        """Both slots of the epoch are there since the first start, so that a node that was killed has its next one on a disk which takes
        nothing else: each start is a session that its twin takes in."""
        filler = self.begin_on_small_disk()
        self.override("ns1", "down", A)
        for _ in range(2):  # each slot
            before = self.epoch()
            self.kill("ns1")
            self.fill(filler)
            with self.assertRaises(OSError), open(self.scratch.path("run", "ns1", "more"), "wb", buffering=0) as f:
                f.write(b"x")
            self.start("ns1")
            self.assert_answers(WWW, B, nodes=["ns1"])
            self.assert_soon(lambda b=before: self.epoch() != b, "a new epoch")
            self.assertEqual(len(self.epoch()), len(before))
            self.assert_linked("active")
            self.assertNotIn("the epoch cannot be written", self.nodes["ns1"].log())
            self.backends.set(B, "failing")
            self.assert_answers(WWW, C)
            self.backends.set(B, "up")
            self.assert_answers(WWW, B)
        self.override("ns2", "auto", A)
        self.assert_answers(WWW, A, B)
        self.close_on_small_disk(filler)

    def test_another_monotonic_clock(self):
        """A time namespace: the twins' monotonic clocks are days apart, and one starts anew in the past of its own."""
        if subprocess.run(["unshare", "--time", "true"], capture_output=True, check=False).returncode:
            self.skipTest("no time namespaces here")
        day = 86400
        self.start("ns1", before=["unshare", "--time", "--fork", "--kill-child", "--monotonic", str(9 * day), "--boottime", str(9 * day)])
        self.start("ns2")
        self.assert_linked("active")
        self.assert_all(up=BACKENDS)
        self.ask_on()
        self.some_life()
        self.kill("ns1")
        self.nodes["ns1"].before = []
        self.start("ns1")
        self.assert_linked("active")
        self.some_life()
        self.close()

    @unittest.skipUnless(FAKETIME, "needs libfaketime")
    @unittest.skipIf(os.environ.get("SANITIZED"), "a sanitizer's runtime wants to be loaded first")
    def test_the_wall_clock_jumps(self):
        """By an hour and by a day, there and back, at one node: it is unsure of itself for a moment, and answers all the time. libfaketime
        it is, as no time namespace has a CLOCK_REALTIME of its own, and none can be stepped once a process is in it: Linux gives it
        constant offsets of the monotonic and the boot-time clock alone. What the nodes told is judged by the time without its steps
        (a replay takes the results that it finds by their wall time, which is no order here)."""
        clock = self.scratch.write("clock", "+0")
        jumps = (3600, -3600, 0, 86400, -86400, 0)
        self.steps["ns1"] = sorted(set(jumps))
        self.start("ns1", env={"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
                               "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "GEMEL_CONFINE": "no"})
        self.start("ns2")
        self.assert_linked("active")
        self.assert_all(up=BACKENDS)
        self.ask_on()
        for j, jump in enumerate(jumps):
            self.scratch.write("clock.new", f"{jump:+}")
            os.rename(self.scratch.path("clock.new"), clock)
            self.assert_soon(lambda j=j: self.nodes["ns1"].log().count("the clock jumped") > j and self.link("ns1") == "active", f"a jump by {jump}")
            self.backends.set(A, "failing")
            self.assert_all(down=[A])
            self.assert_answers(WWW, B)
            self.override("ns1", "down", B)
            self.assert_answers(WWW, C)
            self.override("ns2", "auto", B)  # later, though one clock says otherwise
            self.assert_answers(WWW, B)
            self.backends.set(A, "up")
            self.assert_all(up=BACKENDS)
            self.assert_answers(WWW, A, B)
        self.assert_explained(recorded=False)


if __name__ == "__main__":
    enter_own()
    main()
