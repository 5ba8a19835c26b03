"""From what a target says to what clients get: its weight, the TTL while it fails, a hold for flapping, and what a restart knows.

The targets are agents that speak HAProxy's agent-check text and say what a test has them say, one word a probe, at its pace. No
probe ends for want of time: that would be a failure that no agent said, and a verdict that hears nothing for that long grows old.
"""
import json
import socket
import threading

from func import PATIENCE_S, Case, main
from gemelkit import close_listener, free_port, resolve, wait_until

NAME = "www.example.test"
A, B = "127.0.0.71", "127.0.0.72"


class Agent:
    """Says the words of its script in turn, then the last of them for ever; each to who came next."""

    def __init__(self, address, port):
        self.script, self.came, self.said, self.left = ["up 100%"], 0, 0, None
        self.turn = threading.Condition()
        self.listener = socket.create_server((address, port), backlog=64)
        self.address = address, port
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                with self.turn:
                    self.came += 1
                    self.turn.wait_for(lambda: self.left != 0)
                    word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    self.left = None if self.left is None else self.left - 1
                    self.said += 1
                try:
                    conn.sendall(word.encode() + b"\n")
                except OSError:
                    pass

    def say(self, *words, most=None):
        """most: after so many it is silent, with the next probe on the line."""
        with self.turn:
            self.script, self.came, self.said, self.left = list(words), 0, 0, most
            self.turn.notify_all()

    def go_on(self, most=None):
        with self.turn:
            self.left = most
            self.turn.notify_all()

    def settle(self):
        """Whoever came before now has had its word: one that was killed takes none that is meant for the next."""
        with socket.create_connection(self.address) as conn:
            while conn.recv(64):
                pass

    def close(self):
        self.go_on()
        close_listener(self.listener, self.thread)


class Health(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.a, self.b = Agent(A, self.port), Agent(B, self.port)
        self.addCleanup(self.a.close)
        self.addCleanup(self.b.close)

    def start(self, check, service, ready=True, timeout="60s"):
        self.solo = self.node(self.single_config(
            f'check "agent" {{ script = "haproxy_agent", args = {{ port = {self.port} }}, timeout = "{timeout}", {check} }}\n'
            f'service "{NAME}" {{ check = "agent", ttl = {{ min = 1, max = 60 }}, {service} }}\n'), "solo")
        if ready:
            self.assert_soon(lambda: len(self.answer()[0]) > 0, "the service is answered")

    def answer(self):
        """Its addresses and their TTL; none where it is not answered."""
        reply = resolve(self.server("solo"), NAME)
        if reply.rcode != "NOERROR":
            return [], None
        return reply.addresses(), reply.answer[0][2] if reply.answer else None

    def texts(self, name):
        def answered():  # SERVFAIL where the coordinator does not come to it
            reply = resolve(self.server("solo"), name, "TXT", qclass="CH", tcp=True)
            return reply.rcode != "SERVFAIL" and reply
        return [" ".join(r[3]) for r in self.assert_soon(answered, f"{name} is answered").answer]

    def target(self, address):
        _, out, _ = self.ctl("solo", "--json", "targets")
        return next(t for t in json.loads(out)["targets"] if t["address"].startswith(address))

    def notices(self):
        return self.solo.log()

    # ---- weights ----

    def share(self, count=400):
        """How many of that many answers give A, of one address each."""
        got = [self.answer()[0] for _ in range(count)]
        self.assertTrue(all(len(g) == 1 for g in got), got)
        return sum(g == [A] for g in got)

    def assert_share(self, least, most):
        """The coordinator knows of a weight before the last worker of the responder does."""
        self.assert_soon(lambda: least <= self.share() <= most, f"{least} to {most} of 400 answers give {A}")

    def explained(self, words):
        return self.assert_soon(lambda: any(words in line for line in self.texts(f"explain.{NAME}.service.gemel")), words)

    def test_a_weight_is_heeded_without_a_change_of_the_verdict(self):
        self.start('interval = "200ms"', f'answer = 1, pick = "weighted", tiers = {{ {{ "{A}", "{B}" }} }}')
        self.assert_soon(lambda: self.target(A)["state"] == self.target(B)["state"] == "up", "both are up")
        self.assert_share(150, 250)  # 200, give or take five deviations
        self.a.say("25%")
        self.explained(f"member {A} has 25% of its weight 1")
        self.assert_share(40, 120)  # 80
        self.a.say("up 75%")
        self.b.say("5%")
        self.explained(f"member {A} has 75% of its weight 1")
        self.explained(f"member {B} has 5% of its weight 1")
        self.assert_share(350, 395)  # 375
        self.b.say("100%")
        self.assertNotIn("state=down", self.notices())  # both were up all the time
        self.a.say("0%")                             # that is down
        self.assert_soon(lambda: self.target(A)["state"] == "down", "0% is down")
        self.assert_soon(lambda: self.share(40) == 0, "nobody is sent there")
        self.a.say("up 10%")
        self.assert_soon(lambda: self.target(A)["state"] == "up", "it is back")
        self.explained(f"member {A} has 10% of its weight 1")
        self.assert_share(10, 72)  # 36

    def test_a_script_may_give_a_number(self):
        value = self.scratch.write("own.lua", "return { args = {}, run = function (target) "
                                              "target.state.n = (target.state.n or 0) + 1; return 40, 'run ' .. target.state.n end }")
        self.solo = self.node(self.single_config(
            f'check "own" {{ script = "{value}", interval = "200ms", timeout = "1s" }}\ncheck "agent" {{ script = "haproxy_agent", '
            f'args = {{ port = {self.port} }}, interval = "200ms", timeout = "60s" }}\n'
            f'service "{NAME}" {{ answer = 1, pick = "weighted", '
            f'check = all {{ "own", "agent" }}, tiers = {{ {{ {{ "{A}", weight = 10 }}, {{ "{B}", weight = 10 }} }} }} }}\n'), "solo")
        self.a.say("20%")                            # the lesser of two checks' weights counts
        self.assert_soon(lambda: self.answer()[0], "the first round is over")
        self.explained(f"member {A} has 20% of its weight 10")
        self.explained(f"member {B} has 40% of its weight 10")
        self.assert_share(85, 181)  # 133

    # ---- the TTL ----

    def watch(self, until):
        """Every (addresses, TTL) that differs from the one before, asked without pause until the condition holds."""
        seen = []
        if not wait_until(lambda: seen.append(self.answer()) or until(), PATIENCE_S, 0.002):
            self.fail_with_logs(f"seen {seen[-5:]}, {A} said {self.a.said} words: {self.target(A)}")
        seen.append(self.answer())
        return [s for i, s in enumerate(seen) if i == 0 or s != seen[i - 1]]

    def assert_steps(self, *steps):
        """(word, addresses, TTL): A says the word once; the answer stays as it was until it is this one."""
        before = self.answer()
        for word, *want in steps:
            self.a.say(word, most=1)
            seen = self.watch(lambda w=tuple(want): self.answer() == w)
            self.assertIn(seen, ([tuple(want)], [before, tuple(want)]), word)
            before = tuple(want)

    def test_the_ttl_falls_while_failures_are_counted(self):
        self.start('interval = "1s", retry = "400ms", fall = 5, rise = 2', f'tiers = {{ {{ "{A}" }}, {{ "{B}" }} }}')
        self.assert_soon(lambda: self.answer() == ([A], 5), "five intervals")
        self.assert_steps(("down", [A], 4), ("down", [A], 3), ("up", [A], 4), ("down", [A], 3), ("up", [A], 4), ("up", [A], 5))
        self.assert_steps(*[("down", [A], ttl) for ttl in (4, 3, 2, 1)])  # each failure standing takes one interval off
        self.assert_steps(("down", [B], 2))
        self.a.say("down")
        quiet = self.watch(lambda: self.a.said >= 8)  # nothing is counted: nothing changes by the clock
        self.assertEqual(quiet, [([B], 2)])           # the first tier may be back after two passes
        self.assert_steps(("up", [B], 1), ("down", [B], 2), ("up", [B], 1), ("up", [A], 5))  # a failure clears the passes

    # ---- flapping ----

    FLAPPY = 'interval = "200ms", retry = "100ms", fall = 1, rise = 1'
    WORDS = ("down", "up", "down", "up", "down", "up")

    def test_flapping_is_told_and_holds_nothing(self):
        self.start(self.FLAPPY, f'tiers = {{ {{ "{A}", "{B}" }} }}')
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both answer")
        self.a.say(*self.WORDS)
        self.assert_soon(lambda: "event=flap" in self.notices(), "it is told")
        self.assertIn(f"event=flap address={A}", self.notices())
        self.assert_soon(lambda: self.a.said >= len(self.WORDS) + 1 and self.answer()[0] == [A, B], "it is back at once")
        self.assertEqual(self.target(A)["flap"], "flapping")
        self.assertGreater(self.target(A)["penalty"], 3000)
        self.assertEqual(self.target(B)["flap"], "steady")
        self.assertTrue(any(f"address={A}" in t and "flap=flapping" in t for t in self.texts(f"{NAME}.service.gemel")))
        self.explained(f"member {A} goes up and down by check agent")
        self.assertIn("flapping", self.ctl("solo", "targets")[1])
        self.assertIn("flapping", self.ctl("solo", "service", NAME)[1])
        self.assertIn("flap", self.ctl("solo", "events")[1])

    def test_a_hold_outlives_a_restart(self):
        self.start(self.FLAPPY + ', flap = { suppress = 2000, reuse = 150, half_life = "10m" }',  # it lasts until the test says
                   f'tiers = {{ {{ "{A}", "{B}" }} }}')
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both answer")
        self.a.say(*self.WORDS)
        self.assert_soon(lambda: self.target(A)["flap"] == "suppressed", "it is held down")
        self.assert_soon(lambda: self.a.said >= len(self.WORDS) + 3, "though it passes")
        self.assert_soon(lambda: self.answer()[0] == [B], "it is out")
        self.assertTrue(any(f"address={A}" in t and "flap=suppressed" in t for t in self.texts("notup.gemel")))
        self.explained("solo holds it down until")
        self.solo.kill()
        self.solo.start()
        self.a.say("up")
        self.assert_soon(lambda: self.answer()[0] == [B], "the last states serve")
        self.assertEqual(self.target(A)["flap"], "suppressed")
        self.assert_soon(lambda: self.a.said > 10, "it passes again")
        self.assertEqual(self.answer()[0], [B])
        with open(self.solo.config, encoding="utf-8") as f:
            self.scratch.write("gemel.lua", f.read().replace('half_life = "10m"', 'half_life = "1s"'))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assert_soon(lambda: self.answer()[0] == [A, B], "it is back when it has been steady")
        self.assertEqual(self.target(A)["flap"], "steady")

    # ---- starts ----

    def test_a_first_answer_is_no_guess(self):
        self.a.say("down", most=0)
        self.b.say("up", most=0)
        self.start('interval = "1s"', f'initial = "up", tiers = {{ {{ "{A}", "{B}" }} }}', ready=False)
        self.assertEqual(self.answer()[0], [])
        self.go_on()
        seen = self.watch(lambda: self.answer()[0])
        self.assertIn([s[0] for s in seen], ([[], [B]], [[B]]))  # SERVFAIL, then what is true

    def test_nothing_but_the_first_round_is_waited_for(self):
        self.a.say("up", most=0)
        self.b.say("up", most=0)
        self.start('interval = "10s"', f'initial = "up", tiers = {{ {{ "{A}", "{B}" }} }}', timeout="1s")  # no agent says a word
        # both time out: down, and all_down = "first" has them; the round may end before the later of both is known
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both are down")

    def restarted(self, a_words, b_words):
        """Nothing is probed to an end until the agents go on: the journal's word is all there is."""
        self.start('interval = "500ms", retry = "100ms", fall = 3, rise = 2', f'tiers = {{ {{ "{A}", "{B}" }} }}')
        self.a.say("down")
        self.assert_soon(lambda: self.answer()[0] == [B], "one is down")
        self.solo.kill()
        for agent, words in ((self.a, a_words), (self.b, b_words)):
            agent.settle()
            agent.say(*words, most=0)
        self.solo.start()

    def go_on(self):
        self.a.go_on()
        self.b.go_on()

    def test_a_restart_serves_the_last_states_and_believes_no_single_probe(self):
        self.restarted(("up", "down", "up", "up"), ("down", "up", "down", "down", "up"))
        first = resolve(self.server("solo"), NAME)
        self.assertEqual((first.rcode, first.addresses()), ("NOERROR", [B]))  # at once, no SERVFAIL before it
        self.assertTrue(any(f"address={A}" in t and "recovered=yes" in t for t in self.texts(f"{NAME}.service.gemel")))
        self.go_on()
        while self.a.said < 4:  # a pass, a failure, a pass: never two in a row; and of the other never three failures standing
            got = self.answer()[0]
            if self.a.said < 4:
                self.assertEqual(got, [B])
        self.assert_soon(lambda: A in self.answer()[0], "two passes in a row bring it back")
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both are up in the end")
        self.assert_soon(lambda: not any("recovered=yes" in t for t in self.texts(f"{NAME}.service.gemel")), "borne out")

    def test_what_is_still_so_is_borne_out_by_a_full_run(self):
        self.restarted(("down",), ("up",))
        self.assertTrue(self.target(A)["recovered"] and self.target(B)["recovered"])
        self.a.go_on(2)
        self.b.go_on(1)
        self.assert_soon(lambda: (self.a.came, self.b.came) == (3, 2), "who comes for the last word has had the others")
        self.assertTrue(self.target(A)["recovered"] and self.target(B)["recovered"])
        self.go_on()
        self.assert_soon(lambda: not self.target(A)["recovered"] and not self.target(B)["recovered"], "borne out")
        self.assertEqual(self.answer()[0], [B])


if __name__ == "__main__":
    main()
