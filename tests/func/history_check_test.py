"""The checker of histories can fail: a true history, and the same one with a lie in it."""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

import history_check
from history_check import faults

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WWW = "www"
LONG = 100.0
GOOD = {"cut": False, "udp_cut": False, "loss": 0.0, "delay_ms": 10.0, "jitter_ms": 0.0, "duplicate": 0.0, "reorder": 0.0,
        "late_ms": 20.0, "longest": 2048}
CUT = {**GOOD, "cut": True}

# A goes down at 20: ns1 finds it at 20.0, ns2 at 20.5. The wire is cut from 40 to 60; an override is given at 50 on ns1.
STORY = {
    "services": {WWW: [[A, B], [C]]}, "interval": 0.2, "lag": [],
    "lives": {"ns1": [[0.0, None]], "ns2": [[0.0, None]]}, "deaths": {"ns1": [], "ns2": []}, "forgotten": {"ns1": [], "ns2": []},
    "ballots": {n: [[1.0, WWW, a, "up"] for a in (A, B, C)] + [[t, WWW, A, "down"]] for n, t in (("ns1", 20.0), ("ns2", 20.5))},
    "started": {"ns1": [0.5], "ns2": [0.5]},
    "links": {n: [[0.6, "syncing"], [0.7, "active"], [41.0, "suspect"], [42.0, "lost"], [60.1, "syncing"], [60.2, "active"]]
              for n in ("ns1", "ns2")},
    "overrides": [[50.0, 50.01, "ns1", B, "down"]],
    "wire": [[0.1, 0.1, w, GOOD] for w in ("ab", "ba")] + [[40.0, 40.0, w, CUT] for w in ("ab", "ba")]
            + [[60.0, 60.0, w, GOOD] for w in ("ab", "ba")],
}


def truth(node, t):
    if t < 20.51:
        return [A, B]
    return [C] if t >= (50.02 if node == "ns1" else 60.3) else [B]


def told():
    """Both are asked every tenth of a second, from 10 to 100."""
    return [[t / 10, t / 10 + 0.001, n, WWW, truth(n, t / 10)] for t in range(100, int(LONG * 10)) for n in ("ns1", "ns2")]


class Checker(unittest.TestCase):
    def setUp(self):
        self.h = copy.deepcopy(STORY)
        self.h["answers"] = told()

    def answer(self, node, t, addresses, received=None):
        """Node says something else once, at time t."""
        a = next(a for a in self.h["answers"] if a[2] == node and a[0] >= t)
        a[4] = addresses
        a[1] = a[0] + 0.001 if addresses is not None else received

    def assert_wrong(self, count, *words):
        found = faults(self.h)
        self.assertEqual(len(found), count, found)
        for w in words:
            self.assertIn(w, found[0])

    def test_the_truth(self):
        self.assertEqual(faults(self.h), [])
        self.assertEqual(history_check.least_slack(self.h), 0.0)

    def test_lies(self):
        lies = (  # node, time, what it says, though
            ("ns1", 15.0, [B], "both are up"),
            ("ns1", 15.0, [A, B, C], "no tier has three"),
            ("ns1", 15.0, [C], "the first tier serves"),
            ("ns1", 15.0, [], "a service answers always"),
            ("ns1", 15.0, "SERVFAIL", "a service answers always"),
            ("ns1", 15.0, None, "it lives"),
            ("ns1", 20.1, [B], "any-up: its twin saw A up for half a second more"),
            ("ns1", 21.0, [A, B], "the twin's verdict came long ago"),
            ("ns2", 21.0, [A, B], "its own verdict came long ago"),
            ("ns2", 39.0, [C], "nobody had said that B is down"),
            ("ns2", 55.0, [C], "the override was given beyond the cut"),
            ("ns1", 51.0, [B], "the override was given here"),
            ("ns2", 65.0, [B], "the override was merged after the heal"),
            ("ns1", 49.0, [C], "the override was not given yet"),
        )
        for node, t, said, why in lies:
            with self.subTest(why):
                self.setUp()
                self.answer(node, t, said)
                self.assert_wrong(1, node, WWW)

    def test_what_is_late_within_the_bound(self):
        for node, t, said in (("ns1", 20.5, [A, B]),   # the twin's verdict is on its way
                              ("ns2", 20.5, [A, B]),   # its own is being published
                              ("ns2", 60.9, [B]),      # the records are being fetched
                              ("ns1", 50.0, [B])):     # the command has no reply yet
            with self.subTest(f"{node} at {t}"):
                self.setUp()
                self.answer(node, t, said)
                self.assertEqual(faults(self.h), [])

    def test_a_slow_machine_is_forgiven_as_far_as_it_was_slow(self):
        self.answer("ns1", 21.0, [A, B])
        self.h["lag"] = [[10.0, 0.2]]  # long before
        self.assert_wrong(1)
        self.h["lag"] = [[20.4, 0.2]]
        self.assertEqual(faults(self.h), [])

    def test_a_lossy_wire_is_given_some_heartbeats(self):
        self.answer("ns1", 21.0, [A, B])
        self.h["wire"][:2] = [[0.1, 0.1, w, {**GOOD, "loss": 0.3}] for w in ("ab", "ba")]
        self.assertEqual(faults(self.h), [])
        self.answer("ns1", 25.0, [A, B])
        self.assert_wrong(1)

    def test_one_direction_is_enough_to_be_cut_off(self):
        self.h["wire"][4:6] = []  # never healed, one way
        self.h["wire"][3:4] = []
        for n in ("ns1", "ns2"):
            self.h["links"][n] = self.h["links"][n][:4]
        for a in self.h["answers"]:
            if a[2] == "ns2" and a[0] > 60:
                a[4] = [B]
        self.assert_wrong(1, "do not answer www alike")

    def test_a_dead_node_owes_nothing(self):
        self.h["lives"]["ns2"] = [[0.0, 70.0], [75.0, None]]
        self.answer("ns2", 72.0, None)
        self.assertEqual(faults(self.h), [])
        self.answer("ns2", 76.0, None)
        self.assert_wrong(1, "nobody answered")

    def test_a_node_that_did_not_run_dies_with_its_questions(self):
        self.h["lives"]["ns2"] = [[0.0, 70.0], [75.0, None]]
        for t in range(680, 750):
            self.answer("ns2", t / 10, None)
        self.assertEqual(faults(self.h), [])
        self.answer("ns2", 69.0, [C])  # it ran: so it owes what came before
        self.assert_wrong(10, "nobody answered")

    def test_what_a_dead_responder_had_taken_is_lost(self):
        self.h["deaths"]["ns2"] = [[72.1, 72.11]]
        self.answer("ns2", 72.0, None)
        self.assertEqual(faults(self.h), [])
        self.answer("ns2", 72.2, None)
        self.assert_wrong(1, "nobody answered")

    def test_unlike_at_the_end(self):
        for a in self.h["answers"]:
            if a[2] == "ns2" and a[0] > 60.3:
                a[4] = [B]
        self.assertIn("do not answer www alike", faults(self.h)[-1])

    def test_a_recovered_down_is_no_vote_yet(self):
        """ns2 starts anew while only ns1 sees A up: its old verdict may count, or not, until it is borne out."""
        self.h["ballots"]["ns1"] = self.h["ballots"]["ns1"][:3]
        for a in self.h["answers"]:
            if a[0] < 40:
                a[4] = [A, B]
        self.h["answers"] = [a for a in self.h["answers"] if a[0] < 40]
        self.h["started"]["ns2"].append(30.0)
        self.assertEqual(faults(self.h), [])

    def test_what_a_node_without_a_network_forgets(self):
        self.h["ballots"]["ns1"] = [b for b in self.h["ballots"]["ns1"] if b[0] != 20.0] + [[30.0, WWW, A, "down"]]
        for a in self.h["answers"]:
            if a[2] == "ns1" and 20.0 <= a[0] < 30.0:
                a[4] = [A, B] if a[0] < 20.5 else [B]
            elif a[2] == "ns2" and a[0] < 30.0:
                a[4] = [A, B]
        self.assertTrue(all("ns1" in f for f in faults(self.h)) and faults(self.h), "an up of its own outweighs the twin's down")
        self.h["forgotten"]["ns1"] = [[18.0, 25.0]]
        self.assertEqual(faults(self.h), [])
        self.h["forgotten"]["ns1"] = [[10.0, 12.0]]  # it has found it anew since
        self.assertTrue(faults(self.h))

    def test_nobody_asked(self):
        self.h["answers"] = []
        self.assert_wrong(1, "nobody asked")

    def test_as_a_program(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.json")
            for said, status in (([A, B], 0), ([C], 1)):
                self.answer("ns1", 15.0, said)
                with open(path, "w", encoding="utf-8") as f:
                    json.dump(self.h, f)
                run = subprocess.run([sys.executable, history_check.__file__, path], capture_output=True, text=True, check=False)
                self.assertEqual((run.returncode, f"{status} faults" in run.stdout), (status, True), run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
