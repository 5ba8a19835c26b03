"""Another program takes a running server's place: what is asked meanwhile is answered, what was known stays known, and a program that
is no good changes nothing."""
import json
import os
import shutil
import signal
import socket
import struct
import threading
import time
import unittest

from func import GEMELD
from gemelkit import Message, addresses, ask, encode_query, read_tcp, resolve
from upgrading import CHECKS, DEAD, GOOD, IDLE_S, Flow, Line, Upgrade


class Good(Upgrade):
    def test_no_question_is_lost(self):
        node = self.begin()
        pid, old = node.process.pid, node.lasting()
        flows = self.flows()
        self.install(GEMELD)
        self.upgrade()
        self.end_flows(flows)
        self.assert_new(node, pid, old)
        self.assertIn("upgrade: gemeld", node.log())
        self.assertNotIn("died", node.log())
        self.assertEqual(node.stop(), 0)
        self.assertFalse(os.path.exists(self.scratch.path("run", "solo.sock")))

    def test_by_signal_and_several_in_a_row(self):
        node = self.begin()
        pid = node.process.pid
        flows = self.flows()
        for n in range(1, 5):
            self.install(GEMELD)
            old = node.lasting()
            node.process.send_signal(signal.SIGUSR2)
            self.assert_soon(lambda n=n: node.log().count("serves generation") == n, f"upgrade {n}")
            self.assertEqual(self.inode(pid), os.stat(self.program).st_ino)
        self.end_flows(flows)
        self.assert_new(node, pid, old)
        self.assertIn(f"serves generation {n + 1}", node.log())

    def test_what_was_known_stays_known(self):
        self.begin()
        status, _, err = self.ctl("solo", "down", "forced.example.test/127.0.0.33", "--reason", "kept")
        self.assertEqual(status, 0, err)
        forced = resolve(self.server("solo"), "forced.example.test").addresses()
        flows = self.flows(Flow(self.server("solo"), "forced.example.test", forced))
        self.upgrade()
        self.end_flows(flows)
        status, out, err = self.ctl("solo", "--json", "overrides")
        self.assertEqual(status, 0, err)
        self.assertIn("kept", out)
        self.assertEqual(resolve(self.server("solo"), "forced.example.test").addresses(), forced)
        _, out, _ = self.ctl("solo", "--json", "events")
        events = json.loads(out)["events"]
        v = self.run_gemeld("--version")[1].split()[1]
        self.assertEqual([(e["new"], e["reason"]) for e in events if e["cause"] == "upgrade"],
                         [("upgraded", f"gemeld {v} took over from {v}")])
        self.assertEqual([e for e in events if e["kind"] == "verdict" and e["subject"].startswith(GOOD) and e["new"] != "up"], [])

    def test_what_was_probed_a_moment_ago_is_no_memory(self):
        """By a check that is made so rare that none comes again while we look."""
        self.backend("127.0.0.35", CHECKS)
        self.begin(f"""
check "rare" {{ script = "tcp", args = {{ port = {CHECKS} }}, interval = "1s", timeout = "5s", fall = 3, rise = 2, flap = false }}
service "rare.example.test" {{ check = "rare", tiers = {{ {{ "127.0.0.35", "127.0.0.34" }} }} }}
""")
        self.assert_soon(lambda: addresses(self.server("solo"), "rare.example.test") == ["127.0.0.35"], "the dead one is out")
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        self.assertEqual(text.count('interval = "1s"'), 1)
        self.scratch.write("gemel.lua", text.replace('interval = "1s"', 'interval = "12h"'))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        for _ in range(3):
            self.upgrade()
            self.assertEqual(self.votes("rare.example.test"), {"127.0.0.35": "up", "127.0.0.34": "down"})
        self.solo.kill()
        self.solo.start()
        self.assertEqual(self.votes("rare.example.test"), {"127.0.0.35": "up", "127.0.0.34": "abstains"})

    def votes(self, service):
        status, out, err = self.ctl("solo", "--json", "service", service)
        self.assertEqual(status, 0, err)
        return {m["address"]: m["own"] for m in json.loads(out)["members"]}

    def test_counters_go_on(self):
        node = self.begin()
        ours = 'gemel_responses_total{rcode="NXDOMAIN"}'  # else nobody asks for what is not there
        for _ in range(300):
            ask(self.server("solo"), "absent.example.test")
        names = ['gemel_queries_total{transport="udp"}', 'gemel_responses_total{rcode="NOERROR"}',
                 'gemel_probes_total{result="pass",reason="ok"}', 'gemel_events_total{kind="verdict"}', "gemel_http_requests_total",
                 ours, 'gemel_reloads_total{result="taken"}']
        node.process.send_signal(signal.SIGHUP)
        self.assert_soon(lambda: self.metrics()[names[-1]] == 1, "the reload counts")
        self.assert_soon(lambda: self.metrics()[ours] >= 300, "they are counted")
        before = self.metrics()
        asked = 300
        for _ in range(2):
            self.upgrade()
            seen = before
            for _ in range(20):
                now = self.metrics()
                for n in names:
                    self.assertGreaterEqual(now.get(n, 0), seen.get(n, 0), n)
                seen = now
            before = seen
            for _ in range(50):
                ask(self.server("solo"), "absent.example.test")
            asked += 50
        self.assert_soon(lambda: self.metrics()[ours] >= asked, "nothing is forgotten")
        self.assertEqual(self.metrics()[ours], asked, "and nothing counted twice")
        self.assertEqual(self.metrics()[names[-1]], 1)

    def test_a_connection_in_use_is_answered_to_its_end(self):
        self.begin()
        query = encode_query("static.example.test")
        whole = struct.pack(">H", len(query)) + query
        with socket.create_connection(self.server("solo"), 30) as busy, socket.create_connection(self.server("solo"), 30) as half:
            busy.settimeout(30)
            half.settimeout(30)
            lines = {busy: Line(), half: Line()}

            def use(s, octets=whole):
                lines[s].say(s, octets)
                try:
                    self.assertEqual(Message(read_tcp(s)).addresses(), ["192.0.2.10"])
                except (OSError, EOFError):
                    if lines[s].still_s < IDLE_S:
                        raise
                    self.skipTest(f"we stood still for {lines[s].still_s:.1f} s, so that it was not in use")
            half.sendall(whole[:7])  # of one question there always is but a half there
            upgrade = threading.Thread(target=self.upgrade)
            begun = time.monotonic()
            upgrade.start()
            while upgrade.is_alive():
                use(busy)
                use(half, whole[7:] + whole[:7])
            upgrade.join()
            self.assertIn("serves generation 2", self.solo.log())
            if time.monotonic() - begun > 5:
                self.skipTest("an upgrade takes so long here that the ten seconds of a connection in use may be over")
            use(half, whole[7:])  # the rest comes when another has taken over
            for _ in range(20):
                use(busy)
            self.assertEqual(busy.recv(1), b"", "idle at last, it is closed in good order")

    def test_a_new_configuration_is_taken_with_it(self):
        self.begin()
        self.scratch.write("example.test.zone", "$TTL 60\n@ SOA ns1 h 2 2 2 2 2\n NS ns1\nns1 A 127.0.0.1\nnew A 192.0.2.77\n")
        self.upgrade()
        self.assertEqual(resolve(self.server("solo"), "new.example.test").addresses(), ["192.0.2.77"])
        self.assertEqual(resolve(self.server("solo"), "www.example.test").addresses(), [GOOD])

    def test_children_that_are_killed_meanwhile_come_back(self):
        node = self.begin()

        def ended():
            log = node.log()
            return log.count("serves generation") + log.count("the upgrade is refused")
        for role in ("responder", "coordinator", "prober"):
            with self.subTest(role):
                self.settle("solo")
                done = ended()
                node.process.send_signal(signal.SIGUSR2)
                for _ in range(3):
                    try:
                        node.kill_child(role)
                    except (KeyError, ProcessLookupError):
                        pass
                    time.sleep(0.02)
                self.assert_soon(lambda done=done: ended() > done, "it is over, one way or the other")
                self.assert_soon(lambda: addresses(self.server("solo"), "www.example.test") == [GOOD], "answers are right")
                self.assert_soon(lambda: {"responder", "coordinator", "prober"} <= set(node.children()), "all are there")
                self.assert_soon(lambda: self.ctl("solo", "status")[0] == 0, "its coordinator answers")

    def test_json(self):
        self.begin()
        status, out, err = self.ctl("solo", "--json", "upgrade")
        self.assertEqual(status, 0, err)
        said = json.loads(out)
        self.assertEqual(sorted(said), ["from", "generation", "result", "took_ms", "verb", "version"])
        self.assertEqual((said["verb"], said["result"], said["generation"]), ("upgrade", "done", 2))

    def test_reload_and_stop_after_it(self):
        node = self.begin()
        self.upgrade()
        status, out, err = self.ctl("solo", "reload")
        self.assertEqual((status, out), (0, "reloaded\n"), err)
        self.assertEqual(self.ctl("solo", "stop")[0], 0)
        self.assertEqual(node.process.wait(30), 0)


class Bad(Upgrade):
    """Each leaves the old one serving, and says why."""

    def assert_refused(self, text, patience=60):
        node, pid, old = self.solo, self.solo.process.pid, self.solo.lasting()
        status, out, err = self.ctl("solo", "upgrade")
        self.assertEqual((status, out), (1, ""), err)
        self.assertIn(text, err)
        self.assertRegex(err.splitlines()[-1], r"^refused: .*; gemeld \S+ goes on$")
        self.assertIn("alarm: the upgrade is refused:", node.log())
        self.assertEqual((node.process.poll(), node.process.pid), (None, pid))
        self.assert_soon(lambda: node.lasting() == old, "nothing has changed, and what was started is gone")
        _, out, _ = self.ctl("solo", "--json", "events")
        self.assertIn("the upgrade is refused", [e for e in json.loads(out)["events"] if e["kind"] == "alarm"][-1]["reason"])

    def test_programs_that_cannot_run(self):
        self.begin()
        flows = self.flows()
        with self.subTest("missing"):
            os.unlink(self.program)
            self.assert_refused("cannot be run: No such file or directory")
        with self.subTest("not executable"):
            self.install_script("#!/bin/sh\n", mode=0o644)
            self.assert_refused("cannot be run: Permission denied")
        with self.subTest("no program"):
            self.install_script("this is no program\n")
            self.assert_refused("cannot be run: Exec format error")
        with self.subTest("a folder"):
            os.unlink(self.program)
            os.mkdir(self.program)
            self.assert_refused("cannot be run: Permission denied")
            os.rmdir(self.program)
        with self.subTest("ends"):
            self.install_script("#!/bin/sh\nexit 3\n")
            self.assert_refused("ended with status 3 while it was tried")
        with self.subTest("ends well, without a word"):
            self.install_script("#!/bin/sh\nexit 0\n")
            self.assert_refused("ended with status 0 while it was tried")
        with self.subTest("crashes"):
            self.install_script("#!/bin/sh\nkill -SEGV $$\n")
            self.assert_refused("died of signal 11 while it was tried")
        with self.subTest("knows nothing of it"):
            self.install_script('#!/bin/sh\nfor w; do case $w in --take-over*) echo "usage" >&2; exit 2;; esac; done\n')
            self.assert_refused("ended with status 2 while it was tried")
        with self.subTest("never becomes ready"):
            self.install_script("#!/bin/sh\nexec sleep 600\n")
            self.assert_refused("does not become ready")
        with self.subTest("its responder dies"):
            self.install_script(f'#!/bin/sh\ncase "$2" in responder) kill -ABRT $$;; esac\nexec {GEMELD} "$@"\n')
            self.upgrade_or_refuse()
        self.install(GEMELD)
        self.upgrade()
        self.end_flows(flows)

    def upgrade_or_refuse(self):
        """A script's children are those of the program that it became: what it starts is good again."""
        self.assertEqual(self.ctl("solo", "upgrade")[0], 0)

    def test_a_configuration_that_it_refuses(self):
        self.begin()
        flows = self.flows()
        with open(self.config, "a", encoding="utf-8") as f:
            f.write('zone "other.test" { fle = "x" }\n')
        self.assert_refused("it refuses the configuration")
        status, _, err = self.ctl("solo", "upgrade")
        self.assertEqual(status, 1)
        self.assertRegex(err, r'gemel\.lua:\d+: .*did you mean')
        self.end_flows(flows)

    def test_two_at_a_time(self):
        self.begin()
        self.install_script("#!/bin/sh\nexec sleep 600\n")
        self.solo.process.send_signal(signal.SIGUSR2)
        self.assert_soon(lambda: "is tried" in self.solo.log(), "the first runs")
        status, _, err = self.ctl("solo", "upgrade")
        self.assertEqual(status, 1)
        self.assertIn("an upgrade is running already", err)
        self.assertEqual(self.solo.stop(), 0, "a stop does not wait for it")

    def test_by_hand_it_is_nothing(self):
        with open(self.scratch.path("junk"), "w+b") as junk:
            for octets in (b"", b"GEMH", b"GEMH\0\2", b"GEMH\0\1\xff\xff\xff\xff\xff", b"GEMH\0\1" + b"\0" * 5):
                junk.seek(0)
                junk.truncate()
                junk.write(octets)
                junk.flush()
                import subprocess
                run = subprocess.run([GEMELD, "-c", "/nonexistent", f"--take-over={junk.fileno()}"], pass_fds=[junk.fileno()], check=False,
                                     capture_output=True, text=True, timeout=60)
                self.assertEqual(run.returncode, 1, octets)
                self.assertIn("cannot take over", run.stderr)
        for words in (["--take-over=1"], ["--take-over=x"], ["--trial=5", "--take-over=-1"]):
            self.assertEqual(self.run_gemeld(*words)[0], 2, words)


class Pair(Upgrade):
    def test_the_twin_sees_no_fall(self):
        self.backend(GOOD, CHECKS)
        config = self.pair_config(f'service "www.example.test" {{ check = "web", tiers = {{ {{ "{GOOD}", "{DEAD}" }} }} }}\n', CHECKS,
                                  interval="1s")  # so that a twin is lost after eight, and not when the machine stands still for two
        nodes = {n: self.node(config, n) for n in ("ns1", "ns2")}
        for n in nodes:
            self.assert_soon(lambda n=n: addresses(self.server(n), "www.example.test") == [GOOD], f"{n} has its answer")
            self.assert_soon(lambda n=n: self.link(n) == "active", f"{n} has its link")
        flows = [Flow(self.server(n), "www.example.test", [GOOD]) for n in nodes]
        for f in flows:
            f.start()
        for _ in range(3):
            self.upgrade("ns1")
            for n in nodes:
                self.assert_soon(lambda n=n: self.link(n) == "active", f"{n} has its link again")
        self.end_flows(flows)
        _, out, _ = self.ctl("ns2", "--json", "events")
        for e in json.loads(out)["events"]:
            self.assertFalse(e["kind"] == "link" and e["new"] == "lost", e)
            self.assertFalse(e["kind"] == "alarm", e)

    def link(self, node):
        status, out, _ = self.ctl(node, "--json", "peers")
        return json.loads(out)["peers"][0]["link"] if status == 0 else None


if __name__ == "__main__":
    unittest.main()
