"""The program of on_event: what it is given, what ends it, and that it disturbs nobody."""
import json
import os
import signal

from func import Case, main
from gemelkit import addresses, free_port, is_alive

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"


class Hook(Case):
    def setUp(self):
        super().setUp()
        self.ports = {"solo": free_port()}
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}
        os.mkdir(self.scratch.path("out"))
        os.chmod(self.scratch.path("out"), 0o777)
        self.out = self.scratch.path("out", "events")

    def program(self, name, text):
        path = self.scratch.write(name, "#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)
        return path

    def config(self, on_event):
        return self.scratch.write("gemel.lua", f"""
node "solo" {{ listen = {{ "127.0.0.1:{self.ports['solo']}" }}, control = "run/solo.sock", state = "run/solo"{on_event} }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "1s", timeout = "2s",
              retry = "100ms", fall = 2, rise = 2 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" }} }} }}
""")

    def start(self, on_event):
        return self.node(self.config(on_event), "solo")

    def answers(self, *expected):
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == sorted(expected), f"solo answers {expected}")

    def status(self):
        return json.loads(self.ctl("solo", "--json", "status")[1])["hook"]

    def events(self):
        return json.loads(self.ctl("solo", "--json", "events")[1])["events"]

    def told(self, path=None):
        """The events that the program wrote down."""
        try:
            with open(path or self.out, encoding="utf-8") as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        except OSError:
            return []

    def test_each_event_once_in_order_as_json(self):
        clean = self.scratch.path("out", "clean")
        notify = self.program("notify", f'[ $# = 2 ] && [ "$1" = --pager ] && [ "$2" = "a b; \\$(id)" ] && cat >> {self.out}\n'
                              f"env | cut -d= -f1 | sort | tr '\\n' ' ' > {clean}; ls -l /proc/$$/fd | grep -E 'socket|memfd' >> {clean}; pwd >> {clean}")
        solo = self.start(f', on_event = {{ "{notify}", "--pager", [[a b; $(id)]] }}')
        self.assertTrue(solo.child("runner"))
        self.answers(A)  # which may come of A alone
        self.assert_soon(lambda: {e["subject"] for e in self.events() if e["new"] == "up"} == {A, B}, "both are told to be up")
        self.backends[A].kill()
        self.answers(B)
        self.assert_soon(lambda: any(e["kind"] == "answer" and e["new"] == B for e in self.told()), "the program hears of the answer")
        self.assert_soon(lambda: self.told() == self.events(), "it hears all that `events` shows, in order, in the same shape")
        self.assert_soon(lambda: self.status()["ran"] == len(self.events()), "the last one ended")
        with open(clean, encoding="utf-8") as f:
            self.assertEqual(f.read(), "LC_ALL PATH PWD /\n")
        hook = self.status()
        self.assertEqual((hook["program"], hook["ran"], hook["failed"], hook["dropped"]), (notify, len(self.events()), 0, 0))
        self.assertIn("hook", self.ctl("solo", "status")[1])

    def test_only_the_kinds_asked_for(self):
        self.start(f''', on_event = {{ "{self.program('notify', f'cat >> {self.out}')}", kinds = "override" }}''')
        self.assertEqual(self.ctl("solo", "down", A, "--reason", "new disk")[0], 0)
        self.assert_soon(self.told, "the override is told")
        self.assertEqual([(e["kind"], e["reason"]) for e in self.told()], [("override", "new disk")])

    def test_a_flood_is_bounded_and_what_was_dropped_is_told(self):
        self.start(f''', on_event = {{ "{self.program('notify', f'cat >> {self.out}')}", rate = 3, kinds = {{ "override", "hook" }} }}''')
        for i in range(6):
            self.assertEqual(self.ctl("solo", "up" if i % 2 else "down", A)[0], 0)
        dropped = self.assert_soon(lambda: [e for e in self.told() if e["kind"] == "hook"], "it is told what it was not given")[0]
        self.assertEqual((dropped["new"], dropped["cause"]), ("dropped", "rate"))
        self.assertIn("not given to it: more than 3 a minute", dropped["reason"])
        self.assertEqual(len([e for e in self.told() if e["kind"] == "override"]), 3)
        self.assertEqual(self.status()["dropped"], 3)
        self.assertIn("event=hook", self.nodes["solo"].log())

    def test_what_fails_is_told_once_a_minute(self):
        solo = self.start(f''', on_event = {{ "{self.program('notify', 'echo no pager; exit 3')}", kinds = "override" }}''')
        for verb in ("down", "up", "down"):
            self.assertEqual(self.ctl("solo", verb, A)[0], 0)
        self.assert_soon(lambda: self.status()["failed"] == 3, "three failed runs")
        failed = self.assert_soon(lambda: [e for e in self.events() if e["kind"] == "hook"], "an event tells of it")
        self.assertEqual((failed[0]["new"], failed[0]["cause"]), ("failed", "program"))
        self.assertIn("exit status 3: no pager", failed[0]["reason"])
        self.assertEqual(len(failed), 1)
        self.assertEqual(solo.log().count("event=hook"), 1)

    def test_time_out_kills_the_group(self):
        pids = self.scratch.path("out", "pids")
        self.start(f''', on_event = {{ "{self.program('notify', f"trap '' TERM; sleep 1003 & echo $$ $! > {pids}; wait; sleep 1003")}",
                   timeout = "5s", kinds = "override" }}''')  # time for it to say who it is
        self.assertEqual(self.ctl("solo", "down", A)[0], 0)
        self.answers(B)  # whatever the program does
        failed = self.assert_soon(lambda: [e for e in self.events() if e["kind"] == "hook"], "its end is told")[0]
        self.assertEqual(failed["reason"], "killed: it did not end within 5s")
        with open(pids, encoding="utf-8") as f:
            for pid in f.read().split():
                self.assert_soon(lambda p=pid: not os.path.exists(f"/proc/{p}"), "nothing of its group is left")

    def test_a_dead_runner_loses_one_event_and_delays_nobody(self):
        gate = self.scratch.path("out", "gate")
        self.start(f''', on_event = {{ "{self.program('notify', f'while ! [ -e {gate} ]; do sleep 0.02; done; cat >> {self.out}')}", timeout = "60s",
                   kinds = "override" }}''')
        self.assertEqual(self.ctl("solo", "down", A)[0], 0)
        self.assert_soon(lambda: self.status()["running"], "the first one runs")
        for verb in ("up", "drain"):
            self.assertEqual(self.ctl("solo", verb, A)[0], 0)
        self.assertEqual(self.status()["waiting"], 2)
        runner = self.nodes["solo"].child("runner")
        os.kill(runner, signal.SIGSTOP)  # slow: verbs and answers do not wait for it
        self.assertEqual(self.ctl("solo", "auto", A)[0], 0)
        self.answers(A)
        os.kill(runner, signal.SIGKILL)
        self.assert_soon(lambda: not is_alive(runner), "it is dead, and what it ran with it: else that one saw the gate, too")
        with open(gate, "w", encoding="utf-8"):
            pass
        self.assert_soon(lambda: [e["new"] for e in self.told()] == ["up", "drain", "auto"], "all but the one that ran are told")
        failed = self.assert_soon(lambda: [e for e in self.events() if e["kind"] == "hook"], "the lost one is told of")
        self.assertEqual(failed[0]["reason"], "the runner died")

    def test_a_reload_brings_changes_and_ends_it(self):
        solo = self.start("")
        self.assertNotIn("runner", solo.children())
        self.assertIsNone(self.status())
        coordinator = solo.child("coordinator")
        other = self.scratch.path("out", "other")
        for path in (self.out, other):
            self.config(f''', on_event = {{ "{self.program('notify-' + os.path.basename(path), f'cat >> {path}')}", kinds = {{ "override", "node" }} }}''')
            self.assertEqual(self.ctl("solo", "reload")[0], 0)
            self.assert_soon(lambda p=path: self.told(p), "it hears of the reload itself")
            self.assertEqual(self.told(path)[0]["kind"], "node")
            self.assertEqual(self.ctl("solo", "down", A)[0], 0)
            self.assertEqual(self.ctl("solo", "auto", A)[0], 0)
            self.assert_soon(lambda p=path: [e["new"] for e in self.told(p)][1:] == ["down", "auto"], "then of what comes")
        self.assertEqual(len([e for e in self.told() if e["kind"] == "override"]), 2)
        self.config("")
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assert_soon(lambda: "runner" not in solo.children(), "nothing needs the runner any more")
        self.assertIsNone(self.status())
        self.assertEqual(solo.child("coordinator"), coordinator)

    def test_a_program_that_is_not_there_is_refused(self):
        self.scratch.write("plain", "no program")
        for path, text in (("/nowhere/notify", "/nowhere/notify: No such file or directory; expected a program"),
                           (self.scratch.path("plain"), "no file that can be executed"), ("/tmp", "no file that can be executed")):
            status, _, err = self.run_gemeld("-t", "-c", self.config(f',\non_event = "{path}"'))
            self.assertEqual(status, 1)
            self.assertIn(text, err)
            self.assertIn("gemel.lua:3: ", err)


if __name__ == "__main__":
    main()
