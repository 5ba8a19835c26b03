"""From what a target says to what clients get: its weight, the TTL while it fails, a hold for flapping, and what a restart knows.

The targets are agents that speak HAProxy's agent-check text and say what a test has them say, one word a probe.
"""
import json
import socket
import threading
import time

from func import Case, main
from gemelkit import ask, free_port, wait_until

NAME = "www.example.test"
A, B = "127.0.0.71", "127.0.0.72"


class Agent:
    """Says the words of its script in turn, then the last of them for ever."""

    def __init__(self, address, port):
        self.script, self.said, self.delay = ["up 100%"], 0, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server((address, port), backlog=64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                with self.lock:
                    word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    delay = self.delay
                    self.said += 1
                if delay:
                    time.sleep(delay)  # the target is slow; no test waits by this
                try:
                    conn.sendall(word.encode() + b"\n")
                except OSError:
                    pass

    def say(self, *words):
        with self.lock:
            self.script, self.said = list(words), 0

    def close(self):
        self.listener.close()


class Health(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.a, self.b = Agent(A, self.port), Agent(B, self.port)
        self.addCleanup(self.a.close)
        self.addCleanup(self.b.close)

    def start(self, check, service, ready=True):
        self.solo = self.node(self.single_config(
            f'check "agent" {{ script = "haproxy_agent", args = {{ port = {self.port} }}, {check} }}\n'
            f'service "{NAME}" {{ check = "agent", ttl = {{ min = 1, max = 60 }}, {service} }}\n'), "solo")
        if ready:
            self.assert_soon(lambda: len(self.answer()[0]) > 0, "the service is answered")

    def answer(self):
        """Its addresses and their TTL; none where it is not answered."""
        reply = ask(self.server("solo"), NAME, timeout=1)
        if reply is None or reply.rcode != "NOERROR":
            return [], None
        return reply.addresses(), reply.answer[0][2] if reply.answer else None

    def texts(self, name):
        reply = ask(self.server("solo"), name, "TXT", "CH", tcp=True)
        return [" ".join(r[3]) for r in reply.answer] if reply else []

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

    def explained(self, words):
        return self.assert_soon(lambda: any(words in line for line in self.texts(f"explain.{NAME}.service.gemel")), words)

    def test_a_weight_is_heeded_without_a_change_of_the_verdict(self):
        self.start('interval = "200ms", timeout = "1s"', f'answer = 1, pick = "weighted", tiers = {{ {{ "{A}", "{B}" }} }}')
        self.assert_soon(lambda: self.target(A)["state"] == self.target(B)["state"] == "up", "both are up")
        self.assertTrue(150 <= self.share() <= 250)  # 200, give or take five deviations
        self.a.say("25%")
        self.explained(f"member {A} has 25% of its weight 1")
        self.assertTrue(40 <= self.share() <= 120)   # 80
        self.a.say("up 75%")
        self.b.say("5%")
        self.explained(f"member {A} has 75% of its weight 1")
        self.explained(f"member {B} has 5% of its weight 1")
        self.assertTrue(350 <= self.share() <= 395)  # 375
        self.b.say("100%")
        self.assertNotIn("state=down", self.notices())  # both were up all the time
        self.a.say("0%")                             # that is down
        self.assert_soon(lambda: self.target(A)["state"] == "down", "0% is down")
        self.assert_soon(lambda: self.share(40) == 0, "nobody is sent there")
        self.a.say("up 10%")
        self.assert_soon(lambda: self.target(A)["state"] == "up", "it is back")
        self.explained(f"member {A} has 10% of its weight 1")
        self.assertTrue(10 <= self.share() <= 72)    # 36

    def test_a_script_may_give_a_number(self):
        value = self.scratch.write("own.lua", "return { args = {}, run = function (target) "
                                              "target.state.n = (target.state.n or 0) + 1; return 40, 'run ' .. target.state.n end }")
        self.solo = self.node(self.single_config(
            f'check "own" {{ script = "{value}", interval = "200ms", timeout = "1s" }}\ncheck "agent" {{ script = "haproxy_agent", '
            f'args = {{ port = {self.port} }}, interval = "200ms" }}\nservice "{NAME}" {{ answer = 1, pick = "weighted", '
            f'check = all {{ "own", "agent" }}, tiers = {{ {{ {{ "{A}", weight = 10 }}, {{ "{B}", weight = 10 }} }} }} }}\n'), "solo")
        self.a.say("20%")                            # the lesser of two checks' weights counts
        self.assert_soon(lambda: self.answer()[0], "the first round is over")
        self.explained(f"member {A} has 20% of its weight 10")
        self.explained(f"member {B} has 40% of its weight 10")
        self.assertTrue(85 <= self.share() <= 181)   # 133

    # ---- the TTL ----

    def watch(self, until):
        """Every (addresses, TTL) that differs from the one before, asked without pause until the condition holds."""
        seen = []
        self.assertTrue(wait_until(lambda: seen.append(self.answer()) or until(), 30, 0.002), seen[-5:])
        seen.append(self.answer())
        return [s for i, s in enumerate(seen) if i == 0 or s != seen[i - 1]]

    def assert_story(self, seen, want):
        """What was seen, but for two steps that a loaded machine may have missed, each shorter than the retry."""
        rest = iter(want)
        self.assertTrue(all(step in rest for step in seen), (seen, want))
        self.assertTrue(seen[0] == want[0] and seen[-1] == want[-1] and len(seen) >= len(want) - 2, (seen, want))

    def test_the_ttl_falls_while_failures_are_counted(self):
        self.start('interval = "1s", retry = "400ms", timeout = "2s", fall = 5, rise = 2', f'tiers = {{ {{ "{A}" }}, {{ "{B}" }} }}')
        self.assert_soon(lambda: self.answer() == ([A], 5), "five intervals")
        self.a.say("down", "down", "up", "down", "up", "up", "up")
        seen = self.watch(lambda: self.a.said >= 9)
        self.assert_story(seen, [([A], ttl) for ttl in (5, 4, 3, 4, 3, 4, 5)])  # each failure standing takes one interval off
        self.a.say("down")
        seen = self.watch(lambda: self.answer()[0] == [B])
        self.assert_story(seen, [([A], ttl) for ttl in (5, 4, 3, 2, 1)] + [([B], 2)])
        quiet = self.watch(lambda: self.a.said >= 8)  # nothing is counted: nothing changes by the clock
        self.assertEqual(quiet, [([B], 2)])           # the first tier may be back after two passes
        self.a.say("up", "down", "up")                # a failure clears the passes
        seen = self.watch(lambda: self.answer()[0] == [A])
        self.assert_story(seen, [([B], 2), ([B], 1), ([B], 2), ([B], 1), ([A], 5)])

    # ---- flapping ----

    FLAPPY = 'interval = "200ms", retry = "100ms", timeout = "1s", fall = 1, rise = 1'
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
        self.start(self.FLAPPY + ', flap = { suppress = 2000, reuse = 150, half_life = "2s" }', f'tiers = {{ {{ "{A}", "{B}" }} }}')
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both answer")
        self.a.say(*self.WORDS)
        self.assert_soon(lambda: self.target(A)["flap"] == "suppressed", "it is held down")
        self.assert_soon(lambda: self.a.said >= len(self.WORDS) + 3, "though it passes")
        self.assertEqual(self.answer()[0], [B])
        self.assertTrue(any(f"address={A}" in t and "flap=suppressed" in t for t in self.texts("notup.gemel")))
        self.explained("solo holds it down until")
        self.solo.kill()
        self.solo.start()
        self.a.say("up")
        self.assert_soon(lambda: self.answer()[0] == [B], "the last states serve")
        self.assertEqual(self.target(A)["flap"], "suppressed")
        self.assert_soon(lambda: self.a.said >= 3, "it passes again")
        self.assertEqual(self.answer()[0], [B])
        self.assert_soon(lambda: self.answer()[0] == [A, B], "it is back when it has been steady")
        self.assertEqual(self.target(A)["flap"], "steady")
        self.assertGreater(self.a.said, 10)

    # ---- starts ----

    def test_a_first_answer_is_no_guess(self):
        self.a.say("down")
        self.a.delay = self.b.delay = 0.4
        self.start('interval = "1s", timeout = "3s"', f'initial = "up", tiers = {{ {{ "{A}", "{B}" }} }}', ready=False)
        seen = self.watch(lambda: self.answer()[0])
        self.assertEqual([s[0] for s in seen], [[], [B]])  # SERVFAIL, then what is true

    def test_nothing_but_the_first_round_is_waited_for(self):
        self.a.delay = self.b.delay = 5
        self.start('interval = "10s", timeout = "1s"', f'initial = "up", tiers = {{ {{ "{A}", "{B}" }} }}', ready=False)
        begun = time.monotonic()
        seen = self.watch(lambda: self.answer()[0])
        self.assertTrue(seen[-1][0])
        self.assertLess(time.monotonic() - begun, 5)
        # both time out: down, and all_down = "first" has them; the round may end before the later of both is known
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both are down")

    def restarted(self, a_words, b_words, while_away=lambda: None):
        self.start('interval = "500ms", retry = "100ms", timeout = "10s", fall = 3, rise = 2', f'tiers = {{ {{ "{A}", "{B}" }} }}')
        self.a.say("down")
        self.assert_soon(lambda: self.answer()[0] == [B], "one is down")
        self.solo.kill()
        self.a.say(*a_words)
        self.b.say(*b_words)
        while_away()
        self.solo.start()

    def test_a_restart_serves_the_last_states_and_believes_no_single_probe(self):
        self.restarted(("up", "down", "up", "up"), ("down", "up", "down", "down", "up"))
        first = wait_until(lambda: ask(self.server("solo"), NAME, timeout=1), 10)
        self.assertEqual((first.rcode, first.addresses()), ("NOERROR", [B]))  # at once, no SERVFAIL before it
        self.assertTrue(any(f"address={A}" in t and "recovered=yes" in t for t in self.texts(f"{NAME}.service.gemel")))
        while self.a.said < 4:  # a pass, a failure, a pass: never two in a row; and of the other never three failures standing
            got = self.answer()[0]
            if self.a.said < 4:
                self.assertEqual(got, [B])
        self.assert_soon(lambda: A in self.answer()[0], "two passes in a row bring it back")
        self.assert_soon(lambda: self.answer()[0] == [A, B], "both are up in the end")
        self.assert_soon(lambda: not any("recovered=yes" in t for t in self.texts(f"{NAME}.service.gemel")), "borne out")

    def test_what_is_still_so_is_borne_out_by_a_full_run(self):
        self.restarted(("down",), ("up",))
        self.assertTrue(self.target(A)["recovered"])
        self.assert_soon(lambda: not self.target(A)["recovered"], "borne out")
        self.assertGreaterEqual(self.a.said, 3)
        self.assert_soon(lambda: not self.target(B)["recovered"], "borne out")
        self.assertGreaterEqual(self.b.said, 2)
        self.assertEqual(self.answer()[0], [B])


if __name__ == "__main__":
    main()
