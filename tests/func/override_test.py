"""Overrides with real processes: whose word it was, which is the newest, that they end by themselves, and what outlives a kill."""
import json
import os
import shutil
import subprocess

from func import GEMELCTL, Case, main
from gemelkit import addresses, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
OTHER_UID = 61234  # nobody's, so it has no name


class Override(Case):
    def setUp(self):
        super().setUp()
        port = free_port()
        for a in (A, B):
            self.backend(a, port)
        self.config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}\n', port)
        self.ns1, self.ns2 = self.node(self.config, "ns1"), self.node(self.config, "ns2")
        self.both_answer(A, B)

    def both_answer(self, *expected):
        for n in ("ns1", "ns2"):
            self.assert_soon(lambda n=n: addresses(self.server(n), NAME) == sorted(expected), f"{n} answers {expected}")

    def overrides(self, node):
        status, out, err = self.ctl(node, "--json", "overrides")
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)["overrides"]

    def test_both_list_it_and_say_where_it_is_in_force(self):
        self.assertEqual(self.ctl("ns1", "drain", A, "--for", "10m", "--reason", "new disk")[0], 0)
        for n in ("ns1", "ns2"):
            self.assert_soon(lambda n=n: self.overrides(n) and set(self.overrides(n)[0]["on"].split()) == {"ns1", "ns2"}, f"{n} lists it for both")
            (one,) = self.overrides(n)
            self.assertEqual((one["what"], one["verb"], one["node"], one["why"]), (A, "drain", "ns1", "new disk"))
            self.assertTrue(500000 < one["left_ms"] <= 600000, one)
        self.ns2.kill()
        self.assert_soon(lambda: self.overrides("ns1")[0]["on"] == "ns1", "a dead twin is not claimed")

    def test_the_author_is_whom_the_kernel_names(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to become somebody else")
        socket = self.scratch.path("run", "ns1.sock")
        os.chmod(self.scratch.path("run"), 0o755)
        os.chmod(socket, 0o666)
        liar = {"USER": "root", "LOGNAME": "root", "SUDO_USER": "root", "HOME": "/root"}
        own = shutil.copy(GEMELCTL, self.scratch.path("gemelctl"))  # the build may stand in a home that is closed to others
        run = subprocess.run([own, "-s", socket, "down", A, "--reason", "by root"], capture_output=True, text=True, check=False, timeout=60,
                             user=OTHER_UID, group=OTHER_UID, extra_groups=[], env=liar)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.ctl("ns1", "down", B, "--force")[0], 0)
        by = {o["what"]: o["by"] for o in self.overrides("ns1")}
        self.assertEqual(by, {A: f"uid:{OTHER_UID}", B: "root"})
        self.assert_soon(lambda: {o["what"]: o["by"] for o in self.overrides("ns2")} == by, "the twin knows it too")
        told = [e for e in json.loads(self.ctl("ns1", "--json", "events")[1])["events"] if e["kind"] == "override"]
        self.assertEqual([e["detail"]["author"] for e in told], [f"uid:{OTHER_UID}", "root"])

    def test_the_newest_counts_wherever_it_is_said(self):
        for node, verb in (("ns1", "down"), ("ns2", "up"), ("ns1", "drain"), ("ns2", "auto"), ("ns1", "down")):
            self.assertEqual(self.ctl(node, verb, A)[0], 0)
            for n in ("ns1", "ns2"):
                want = [] if verb == "auto" else [(verb, node)]
                self.assert_soon(lambda n=n, want=want: [(o["verb"], o["node"]) for o in self.overrides(n)] == want, f"{n} has {node}'s {verb}")
        self.both_answer(B)

    def test_it_outlives_a_kill_and_ends_by_itself(self):
        self.assertEqual(self.ctl("ns1", "down", A, "--for", "15s", "--reason", "short")[0], 0)  # a kill and a start take less
        self.both_answer(B)
        for n in (self.ns1, self.ns2):
            n.kill()
        self.ns1.start()
        self.assertEqual([(o["what"], o["why"]) for o in self.overrides("ns1")], [(A, "short")])
        self.assert_soon(lambda: not self.overrides("ns1"), "it ends by itself")
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "the checks decide again")
        told = [e for e in json.loads(self.ctl("ns1", "--json", "events")[1])["events"] if e["kind"] == "override"]
        self.assertEqual([(e["old"], e["new"], e["cause"]) for e in told], [("auto", "down", "operator"), ("down", "auto", "expiry")])
        self.ns1.kill()
        self.ns1.start()
        self.assertEqual(self.overrides("ns1"), [])  # that it ended is remembered


if __name__ == "__main__":
    main()
