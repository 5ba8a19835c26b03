"""The main job with real processes: a back end dies and returns, a twin is killed and comes back, every back end dies."""
import json
import re
import socket
import subprocess

from func import Case, main
from gemelkit import Message, addresses, ask, encode_query, free_port, resolve, wait_until

A, B, C = "127.0.0.11", "127.0.0.12", "127.0.0.13"
NAME = "www.example.test"


def one(answer):
    return answer if answer and len(answer) == 1 else None


class Story(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B, C)}
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }}, {{ "{C}" }} }} }}\n', self.port)
        self.ns1, self.ns2 = self.node(config, "ns1"), self.node(config, "ns2")

    def both_answer(self, *expected):
        for n in ("ns1", "ns2"):
            self.assert_soon(lambda n=n: addresses(self.server(n), NAME) == sorted(expected),
                             f"{n} answers {expected}; it answers {addresses(self.server(n), NAME)}")

    def test_back_end_dies_and_returns(self):
        self.both_answer(A, B)
        self.backends[A].kill()
        self.both_answer(B)
        self.backends[B].kill()
        self.both_answer(C)
        self.backends[A].start()
        self.both_answer(A)
        self.backends[A].kill()
        self.backends[C].kill()
        self.both_answer(A, B)  # all_down = "first"

    def test_twin_is_killed_and_comes_back(self):
        self.both_answer(A, B)
        self.backends[A].kill()
        self.both_answer(B)
        self.ns1.kill()
        self.assertEqual(resolve(self.server("ns2"), NAME).addresses(), [B])
        self.ns1.start(ready=0)
        first = wait_until(lambda: ask(self.server("ns1"), NAME, timeout=0.1), 30)
        self.assertIsInstance(first, Message)
        self.assertEqual((first.rcode, first.addresses()), ("NOERROR", [B]))  # its very first answer is the last known state
        self.assert_soon(lambda: "active" in self.ctl("ns1", "peers")[1].lower(), "ns1 is joined again")
        self.backends[A].start()
        self.both_answer(A, B)

    def test_each_node_tells_what_both_saw(self):
        self.both_answer(A, B)
        for n in ("ns1", "ns2"):
            self.assert_soon(lambda n=n: [m["twin"] for m in json.loads(self.ctl(n, "--json", "service", NAME)[1])["members"]] == ["up"] * 3,
                             f"{n} knows its twin's votes")

        def told(node):
            events = json.loads(self.ctl(node, "--json", "events")[1])["events"]
            return [(e["observer"], e["cause"], e["old"], e["new"]) for e in events if e["kind"] == "verdict" and e["subject"] == A and e["new"] == "down"]
        before = {n: len(told(n)) for n in ("ns1", "ns2")}  # a back end that stood still was down for a moment
        seen = lambda node: told(node)[before[node]:]  # noqa: E731
        self.backends[A].kill()
        self.both_answer(B)
        for n, other in (("ns1", "ns2"), ("ns2", "ns1")):
            self.assert_soon(lambda n=n, o=other: sorted(seen(n)) == sorted([(n, "check", "up", "down"), (o, "twin", "up", "down")]),
                             f"{n} tells of itself and of {other}, once each")
            self.assertIn(f" {other} ", next(l for l in self.ctl(n, "events")[1].splitlines() if " verdict " in l and " twin " in l and A in l))

    def test_override_holds_on_both_and_ends_by_itself(self):
        self.both_answer(A, B)
        status, out, err = self.ctl("ns1", "down", f"{NAME}/{A}", "--reason", "test")
        self.assertEqual(status, 0, out + err)
        self.assertEqual(resolve(self.server("ns1"), NAME).addresses(), [B])  # in force here when the verb returns
        self.both_answer(B)
        self.assertEqual(self.ctl("ns1", "down", f"{NAME}/{A}", "--for", "3s", "--reason", "test")[0], 0)
        self.both_answer(A, B)  # it ended by itself
        self.assertEqual(self.ctl("ns2", "down", A)[0], 0)
        self.both_answer(B)
        self.assertEqual(self.ctl("ns1", "auto", A)[0], 0)
        self.both_answer(A, B)

    def test_override_survives_kill(self):
        self.both_answer(A, B)
        self.assertEqual(self.ctl("ns1", "down", A)[0], 0)
        self.ns1.kill()
        self.ns2.kill()
        self.ns1.start(ready=0)
        first = self.assert_soon(lambda: ask(self.server("ns1"), NAME, timeout=0.1), "it answers")
        self.assertEqual(first.addresses(), [B])

    def test_explained_while_a_tier_is_dead(self):
        self.both_answer(A, B)
        self.assertEqual(self.ctl("ns1", "down", A, "--reason", "new disk")[0], 0)
        self.backends[B].kill()
        self.both_answer(C)
        status, out, err = self.ctl("ns1", "explain", NAME)
        self.assertEqual((status, err), (0, ""))
        lines = out.splitlines()
        self.assertIn("A: tier 2 answers: tier 1 has 0 of 1 members up that it needs", lines)
        self.assertIn(f"A: the answer is {C}, whoever asks", lines)
        self.assertTrue(any(f"member {A} is taken out of every answer" in l and 'because "new disk"' in l for l in lines), out)
        self.assertTrue(any(l.startswith(f"member {B} (tier 1) is down: ns1 votes down") and "ns2 " in l for l in lines), out)
        told = lambda: self.dig("+tcp", "+short", "CH", "TXT", f"explain.{NAME}.service.gemel").splitlines()  # noqa: E731
        self.assert_soon(lambda: '"A: tier 2 answers: tier 1 has 0 of 1 members up that it needs"' in told(), "DNS tells the same")

    def test_each_twin_probes_where_it_is_told(self):
        self.both_answer(A, B)
        config = self.ns1.config
        with open(config) as f:
            text = f.read()
        with open(config, "w") as f:  # only ns1 asks B itself; ns2 asks C in its place
            f.write(text.replace(f'"{B}" }}', f'{{ "{B}", probe = {{ ns2 = "{C}" }} }} }}', 1))
        for n in ("ns1", "ns2"):
            self.assertEqual(self.ctl(n, "reload")[0], 0)
        self.both_answer(A, B)
        self.backends[B].kill()
        voted = lambda n: self.ctl(n, "explain", NAME)[1]
        for n in ("ns1", "ns2"):  # two votes on one member, and one is enough
            self.assert_soon(lambda n=n: re.search(f"member {B} .*ns1 votes down", voted(n)) and re.search(f"member {B} .*ns2 votes up", voted(n)),
                             f"{n} knows both votes: {voted(n)}")
        self.both_answer(A, B)
        self.backends[C].kill()
        self.both_answer(A)
        self.assertIn(f"{C}", self.ctl("ns2", "targets")[1])

    def test_probes_leave_from_their_source(self):
        self.both_answer(A, B)
        came = set()
        listener = socket.create_server((B, 0))
        listener.settimeout(30)
        self.addCleanup(listener.close)
        with open(self.ns1.config) as f:
            text = f.read()
        with open(self.ns1.config, "w") as f:
            f.write(text.replace("peer =", 'probe_source = { "127.0.0.77", "::1" }, peer =', 1) +  # ns1's; ns2 leaves it to the system
                    f'service "src.example.test" {{ tiers = {{ {{ "{B}" }} }}, check = {{ script = "tcp", args = '
                    f'{{ port = {listener.getsockname()[1]} }} }} }}\n')
        for n in ("ns1", "ns2"):
            self.assertEqual(self.ctl(n, "reload")[0], 0)
        while len(came) < 2:
            connection, peer = listener.accept()
            came.add(peer[0])
            connection.close()
        self.assertEqual(came, {"127.0.0.77", B if B in came else "127.0.0.1"})
        self.both_answer(A, B)

    def test_explain_knows_what_a_client_gets(self):
        self.both_answer(A, B)
        with open(self.scratch.path("gemel.lua"), encoding="ascii") as f:
            config = f.read()
        tiers = f'tiers = {{ {{ "{A}", "{B}" }}, {{ "{C}" }} }}'
        self.assertIn(tiers, config)
        self.scratch.write("gemel.lua", config.replace(tiers, f'pick = "sticky", answer = 1, tiers = {{ {{ "{A}", "{B}", "{C}" }} }}'))
        self.assertEqual(self.ctl("ns1", "reload")[0], 0)
        self.assert_soon(lambda: "of 3" in self.ctl("ns1", "explain", NAME)[1], "all three are up")
        given = self.assert_soon(lambda: one(addresses(self.server("ns1"), NAME)), "it answers anew")  # we ask from 127.0.0.1
        out = self.ctl("ns1", "explain", NAME, "--client", "127.0.0.1")[1]
        self.assertRegex(out, rf"A: client 127\.0\.0\.1 (counts as its network 127\.0\.0\.0/24 and )?gets {re.escape(given[0])}\n")

    def dig(self, *words):
        return subprocess.run(["dig", "@127.0.0.1", "-p", str(self.ports["ns1"]), "+tries=1", *words], capture_output=True, text=True,
                              check=False).stdout

    def test_seen_with_dig(self):
        self.both_answer(A, B)
        dig = self.dig
        self.assertEqual(sorted(dig(NAME, "+short").split()), [A, B])
        self.assertEqual(sorted(dig(NAME, "+short", "+tcp").split()), [A, B])
        # Of class CH: SERVFAIL, which is nothing in short, where the coordinator stands still for a second.
        self.assert_soon(lambda: '"ns1"' in dig("CH", "TXT", "id.server", "+short"), "its name")
        self.assert_soon(lambda: "Gemel" in dig("CH", "TXT", "version.server", "+short"), "its version")
        member = self.assert_soon(lambda: dig("CH", "TXT", f"{NAME}.service.gemel", "+short"), "its members")
        for word in (f'"address={A}"', f'"address={C}"', '"state=up"', '"since='):
            self.assertIn(word, member)
        self.assert_soon(lambda: "ns1" in dig("CH", "TXT", "status.gemel", "+short", "+tcp"), "its status")
        self.assertIn("NXDOMAIN", dig("nothing.example.test"))
        self.assertIn("status: NOERROR", dig("alias.example.test"))
        self.assertIn("192.0.2.20", dig("a.b.wild.example.test", "+short"))
        self.assertEqual(len(dig("big.example.test", "TXT", "+short", "+bufsize=512").split()), 8)  # truncated, then TCP


    def test_a_long_query_is_answered_as_a_short_one(self):
        self.both_answer(A, B)
        for size in (400, 470, 500, 900, 3000):
            option = (65001).to_bytes(2, "big") + size.to_bytes(2, "big") + bytes(size)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.sendto(encode_query(NAME, options=option), self.server("ns1"))
                self.assertEqual(Message(s.recv(4096)).addresses(), [A, B], size)


if __name__ == "__main__":
    main()
