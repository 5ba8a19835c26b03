"""Twins whose UDP is blocked go on by TCP, and strangers at that port are shown the door; in a network namespace of our own."""
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys

from func import PATIENCE_S, Case, main
from gemelkit import addresses, free_port

INSIDE = "GEMEL_TEST_NETNS"
SKIP = 77  # automake's word for it
A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"


def nft(*words):
    subprocess.run(["nft", *words], check=True, timeout=60)


class Pair(Case):
    INTERVAL = "200ms"

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}\n', self.port,
                                  self.INTERVAL)
        with open(config) as f:
            self.peer_port = {n: int(line.split('peer = "127.0.0.1:')[1].split('"')[0])
                              for n, line in zip(("ns1", "ns2"), f.readlines())}
        self.config = config
        nft("add", "table", "inet", "t")
        self.addCleanup(nft, "delete", "table", "inet", "t")
        nft("add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }")

    def peers(self, node):
        status, out, err = self.ctl(node, "--json", "peers")
        self.assertEqual(status, 0, err)
        return json.loads(out)

    def link(self, node):
        return self.peers(node)["peers"][0]["link"]

    def assert_linked(self, state):
        for n in ("ns1", "ns2"):
            self.assert_soon(lambda n=n: self.link(n) == state, f"{n}'s link is {state}")

    def block_udp(self):
        for port in self.peer_port.values():
            nft("add", "rule", "inet", "t", "in", "udp", "dport", str(port), "drop")


class Tcp(Pair):
    def test_udp_is_blocked_and_comes_back(self):
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.assert_linked("active")
        self.block_udp()
        self.assert_linked("tcp-only")
        status, out, err = self.ctl("ns1", "down", A, "--reason", "by tcp", "--force")  # whatever the checks say of B meanwhile
        self.assertEqual(status, 0, out + err)
        self.assert_soon(lambda: addresses(self.server("ns2"), NAME) == [B], "the twin follows by TCP")
        nft("flush", "chain", "inet", "t", "in")
        self.assert_linked("active")

    def test_twins_that_meet_by_tcp(self):
        self.block_udp()
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.assert_linked("tcp-only")

    def test_strangers(self):
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.assert_linked("active")
        rng = random.Random(7)
        held = []
        for i in range(60):
            s = socket.socket()
            s.settimeout(PATIENCE_S)
            s.bind((f"127.9.0.{i + 1}", 0))
            s.connect(("127.0.0.1", self.peer_port["ns1"]))
            with contextlib.suppress(ConnectionError):  # shown the door already
                s.send(rng.randbytes(rng.randrange(1, 3000)) if i % 2 else b"\\0")
            held.append(s)
        for s in held:
            try:
                self.assertEqual(s.recv(1), b"", "a stranger got an answer")
            except ConnectionError:
                pass
            s.close()
        self.block_udp()
        self.assert_linked("tcp-only")


class Patient(Pair):
    """Four intervals without a word make a link suspect, eight lost: where that is a fault, they are longer than a machine may
    stand still."""
    INTERVAL = "1s"


class Stop(Patient):
    def test_a_stop_is_told_by_tcp(self):
        self.block_udp()
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.assert_linked("tcp-only")
        self.assertEqual(self.nodes["ns1"].stop(), 0)
        self.assert_soon(lambda: "it was stopped" in self.ctl("ns2", "events")[1], "the last words came")


class Maintenance(Patient):
    def test_one_is_stopped_for_maintenance(self):
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.assert_linked("active")
        status, out, err = self.ctl("ns1", "maint", "on", "--reason", "new disk")
        self.assertEqual(status, 0, out + err)
        self.assert_soon(lambda: self.peers("ns2")["peers"][0]["self"] == "maint", "the twin knows")
        status, out, err = self.ctl("ns2", "maint", "on")
        self.assertEqual(status, 1, out + err)
        self.assertIn("ns1 is in maintenance already", out + err)
        self.assertEqual(self.nodes["ns1"].stop(), 0)
        self.assert_soon(lambda: self.link("ns2") == "lost", "the last words came")
        self.assertIn("it was stopped", self.ctl("ns2", "events")[1], "a stop is told, not found out")
        self.assertNotIn("twin lost", self.nodes["ns2"].log())


class Witness(Patient):
    """Two that answer and one that only looks."""

    def setUp(self):
        super().setUp()
        ns1, ns2 = self.peer_port["ns1"], self.peer_port["ns2"]
        self.peer_port["w"] = free_port()
        with open(self.config) as f:
            text = f.read()
        self.scratch.write("gemel.lua", f'node "w" {{ id = 3, listen = {{}}, peer = "127.0.0.1:{self.peer_port["w"]}", '
                           f'control = "run/w.sock", state = "run/w" }}\n' + text)
        self.ports["w"] = self.peer_port["w"]
        self.cut = [("udp", "sport", str(ns1), "udp", "dport", str(ns2)), ("udp", "sport", str(ns2), "udp", "dport", str(ns1)),
                    ("tcp", "dport", str(ns1)), ("tcp", "dport", str(ns2))]
        for n in ("ns1", "ns2"):
            self.node(self.config, n)
        self.witness = self.node(self.config, "w", start=False)

    def link_to(self, node, peer):
        return next(p["link"] for p in self.peers(node)["peers"] if p["node"] == peer)

    def begin(self):
        self.witness.start()
        for n, p in (("ns1", "ns2"), ("ns1", "w"), ("ns2", "w"), ("w", "ns1"), ("w", "ns2")):
            self.assert_soon(lambda n=n, p=p: os.path.exists(self.scratch.path("run", f"{n}.sock")) and
                             self.link_to(n, p) == "active", f"{n} and {p} are joined")

    def test_it_answers_nothing_and_keeps_the_others_in_touch(self):
        self.begin()
        with open("/proc/net/udp") as f:
            bound = {int(line.split()[1].split(":")[1], 16) for line in f.readlines()[1:]}
        self.assertEqual(bound, {*self.peer_port.values(), self.ports["ns1"], self.ports["ns2"]}, "it listens for its peers only")
        for rule in self.cut:
            nft("add", "rule", "inet", "t", "in", *rule, "drop")
        for n, p in (("ns1", "ns2"), ("ns2", "ns1")):
            self.assert_soon(lambda n=n, p=p: self.link_to(n, p) == "suspect", f"{n} does not hear {p}")
        status, out, err = self.ctl("ns1", "down", A, "--force")
        self.assertEqual(status, 0, out + err)
        self.assert_soon(lambda: addresses(self.server("ns2"), NAME) == [B], "the witness relays")
        self.assertEqual((self.link_to("ns1", "ns2"), self.link_to("ns2", "ns1")), ("suspect", "suspect"))
        self.nodes["ns2"].kill()
        self.assert_soon(lambda: self.link_to("ns1", "ns2") == "lost", "who is dead is lost")
        self.assertEqual(self.witness.stop(), 0)
        self.assert_soon(lambda: self.link_to("ns1", "w") == "lost", "the witness said bye")


if __name__ == "__main__":
    if INSIDE in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=60)
        main()
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    tools = shutil.which("unshare") and shutil.which("ip") and shutil.which("nft")
    if not tools or subprocess.run([*enter, "nft", "add", "table", "inet", "t"], capture_output=True, check=False).returncode:
        print("skipped: no network namespace with packet filters can be made here")
        sys.exit(SKIP)
    os.execvpe("unshare", [*enter, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
