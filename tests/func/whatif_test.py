"""gemelctl what-if: which answers another configuration would change right now, and that asking changes nothing."""
import json
import os
import socket
import struct
import subprocess

from func import GEMELCTL, Case, main
from gemelkit import addresses, free_port, resolve

A, B, C, NEW = "127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.99"
WWW, SHOP = "www.example.test", "shop.example.test"


class WhatIf(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, C)}

    def body(self, www=f'{{ "{A}" }}, {{ "{B}" }}', shop=f'{{ "{B}", "{C}" }}', extra=""):
        services = "".join(f'service "{n}" {{ check = "web", tiers = {{ {t} }} {extra} }}\n' for n, t in ((WWW, www), (SHOP, shop)) if t)
        return f"""
check "web" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "1s", timeout = "500ms",
              retry = "100ms", fall = 2, rise = 2 }}
""" + services

    def begin(self):
        self.config = self.single_config(self.body())
        self.solo = self.node(self.config, "solo")
        self.answers(WWW, A)
        self.answers(SHOP, B, C)
        self.knows_all("solo", WWW, SHOP)

    def knows_all(self, node, *services):
        """An answer may come of some of the members, where the others were slow in the first round."""
        def members():
            return [m for s in services for m in json.loads(self.ctl(node, "--json", "service", s)[1])["members"]]
        self.assert_soon(lambda: {m["own"] for m in members()} == {"up"}, f"{node} finds all up")

    def answers(self, name, *expected, node="solo"):
        self.assert_soon(lambda: addresses(self.server(node), name) == sorted(expected), f"{name} is {expected}")

    def other(self, body):
        with open(self.config, encoding="utf-8") as f:
            head = f.read().split("\ncheck \"web\"")[0]
        return self.scratch.write("other.lua", head + body)

    def ask(self, file, node="solo", words=()):
        run = subprocess.run([GEMELCTL, "-s", self.scratch.path("run", f"{node}.sock"), *words, "--json", "what-if", file],
                             capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        doc = json.loads(run.stdout)
        return [(c["name"], c["type"], c["kind"], c["now"], c["would_be"]) for c in doc["changes"]], doc

    def test_what_would_change(self):
        self.begin()
        self.assertEqual(self.ask(self.config)[0], [])
        self.assertEqual(self.ctl("solo", "what-if", self.config), (0, "no answer changes\n", ""))

        rows, doc = self.ask(self.other(self.body(www=f'{{ "{B}" }}, {{ "{A}" }}')))
        self.assertEqual(rows, [(WWW, "A", "changed", A, B)])
        self.assertEqual(doc["changes"][0]["why"], "tier 1 answers: it has 1 member up and needs 1")
        self.assertEqual((doc["node"], doc["generation"], doc["unknown"]), ("solo", 1, []))

        rows, doc = self.ask(self.other(self.body(www=f'{{ "{A}", "{NEW}" }}', shop="")
                                        + f'service "new.example.test" {{ check = "web", tiers = {{ {{ "{NEW}" }} }} }}\n'
                                        + f'service "also.example.test" {{ check = "web", tiers = {{ {{ "{C}" }} }} }}\n'))
        self.assertEqual(sorted(rows), [("also.example.test", "A", "new", None, C), ("new.example.test", "A", "new", None, "not ready"),
                                        (SHOP, "A", "gone", f"{B} {C}", None)])
        self.assertEqual(doc["unknown"], [{"address": NEW, "check": "web", "service": WWW}])
        self.assertIn("the first round of checks is not over",
                      next(c["why"] for c in doc["changes"] if c["name"] == "new.example.test"))

        _, table, _ = self.ctl("solo", "what-if", self.scratch.path("other.lua"))
        self.assertIn("of these nothing is known yet", table)
        self.assertEqual(table.split()[:5], ["NAME", "TYPE", "NOW", "WOULD", "BE"])

        rows, doc = self.ask(self.other(self.body(extra=', ttl = { min = "30s", max = "40s" }')))
        self.assertEqual([r[3] == r[4] for r in rows], [True, True])
        self.assertRegex(doc["changes"][0]["why"], r"^TTL 30 s, not \d+ s$")

    def test_it_takes_over_what_is_so_now(self):
        self.begin()
        self.backends[A].kill()
        self.answers(WWW, B)
        self.assertEqual(self.ctl("solo", "drain", C)[0], 0)
        self.answers(SHOP, B)
        other = self.other(self.body(www=f'{{ "{A}" }}, {{ "{C}" }}, {{ "{B}" }}', shop=f'{{ "{C}" }}, {{ "{A}", "{B}" }}'))
        self.assertEqual(self.ask(other)[0], [])
        self.ctl("solo", "auto", C)
        self.answers(SHOP, B, C)
        self.assertEqual(sorted(self.ask(other)[0], reverse=True), [(WWW, "A", "changed", B, C), (SHOP, "A", "changed", f"{B} {C}", C)])

    def test_asking_changes_nothing_and_a_reload_does_what_it_said(self):
        self.begin()
        other = self.other(self.body(www=f'{{ "{C}" }}', shop=f'{{ "{A}" }}'))
        journal = self.scratch.path("run", "solo", "journal")
        status = json.loads(self.ctl("solo", "--json", "status")[1])

        def traces():
            return os.path.getsize(journal), self.ctl("solo", "--json", "events"), self.solo.log()

        def without_a_trace():
            """What else happens meanwhile leaves one, too, but not each time."""
            before = traces()
            for _ in range(5):
                rows = self.ask(other)[0]
            return rows if traces() == before else None
        rows = self.assert_soon(without_a_trace, "to be asked leaves no trace")
        self.assertEqual(sorted(rows, reverse=True), [(WWW, "A", "changed", A, C), (SHOP, "A", "changed", f"{B} {C}", A)])
        self.assertEqual(resolve(self.server("solo"), WWW).addresses(), [A])
        again = json.loads(self.ctl("solo", "--json", "status")[1])
        self.assertEqual([c["pid"] for c in again["processes"]], [c["pid"] for c in status["processes"]])

        os.replace(other, self.config)
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.answers(WWW, C)
        self.answers(SHOP, A)
        self.assertEqual(self.ask(self.config)[0], [])

    def test_a_file_with_faults_is_told_as_a_check_would(self):
        self.begin()
        broken = self.other(self.body(www='{ "nobody" }'))
        _, _, told = self.run_gemeld("-c", broken, "-t")
        self.assertEqual(self.ctl("solo", "what-if", broken), (1, "", told))
        self.assertIn("other.lua:", told)
        self.assertEqual(self.ctl("solo", "what-if", self.scratch.path("nowhere"))[0], 1)
        self.assertEqual(self.ctl("solo", "what-if")[0], 2)
        status, _, err = self.ctl("none", "what-if", self.config)
        self.assertEqual(status, 1)
        self.assertIn("no server at", err)

    def test_a_node_of_a_pair(self):
        self.config = self.pair_config(f'service "{WWW}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" }} }} }}\n', self.port)
        self.node(self.config, "ns1")
        self.node(self.config, "ns2")
        for n in ("ns1", "ns2"):
            self.answers(WWW, A, node=n)
            self.knows_all(n, WWW)
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        other = self.scratch.write("other.lua", text.replace(f'{{ "{A}" }}, {{ "{B}" }}', f'{{ "{B}" }}, {{ "{A}" }}'))
        for n in ("ns1", "ns2"):
            self.assertEqual(self.ask(other, n, ("-n", n))[0], [(WWW, "A", "changed", A, B)])
        run = subprocess.run([GEMELCTL, "-s", self.scratch.path("run", "ns1.sock"), "-n", "ns2", "what-if", other], capture_output=True,
                             text=True, check=False, timeout=60)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertEqual(run.stderr, 'gemelctl: the file was read for node "ns2", and this is node "ns1"; expected -n ns1\n')

    def test_hostile_plans_cost_nobody_but_the_copy(self):
        self.begin()
        request = b"GEMC" + struct.pack(">BHH", 0, 80, 2) + b"".join(struct.pack(">H", len(w)) + w for w in (b"what-if", b"x"))

        def talk(tail, end=True):
            """Again while those before, whose copies may still be going, have all the places."""
            while True:
                got = talk_once(tail, end)
                if not end or b"others ask what-if already" not in got:
                    return got

        def talk_once(tail, end):
            s = socket.socket(socket.AF_UNIX)
            self.addCleanup(s.close)
            s.settimeout(30)
            s.connect(self.scratch.path("run", "solo.sock"))
            s.sendall(request + tail)
            if not end:
                return s
            s.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            return got

        pids = [c["pid"] for c in json.loads(self.ctl("solo", "--json", "status")[1])["processes"]]
        self.assertIn(b"this is no plan", talk(struct.pack(">I", 4000) + os.urandom(4000)))
        self.assertIn(b"this is no plan", talk(struct.pack(">I", 0)))
        self.assertEqual(talk(struct.pack(">I", 0xffffffff) + b"x" * 1000), b"")
        self.assertEqual(talk(struct.pack(">I", 5000) + b"x" * 10), b"")
        self.assertEqual(talk(b"\0"), b"")
        waiting = []  # who says nothing more holds a place, not the server; those above may still be going

        def is_full():
            waiting.append(talk(struct.pack(">I", 5000), end=False))
            return "others ask what-if already" in self.ctl("solo", "what-if", self.config)[2]
        self.assert_soon(is_full, "there is room for two, and not for all")
        self.answers(WWW, A)
        for s in waiting:
            s.close()
        self.assert_soon(lambda: self.ctl("solo", "what-if", self.config)[0] == 0, "there is room again")
        self.assertEqual([c["pid"] for c in json.loads(self.ctl("solo", "--json", "status")[1])["processes"]], pids)


if __name__ == "__main__":
    main()
