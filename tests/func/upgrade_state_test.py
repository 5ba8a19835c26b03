"""What goes on over an upgrade: every counter, how the node logs, what the service manager is told, connections, status over DNS."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import threading
import time
import unittest
import urllib.request

from func import GEMELD, PATIENCE_S
from gemelkit import Message, ask, encode_query, read_tcp, resolve
from manager import Manager
from upgrading import Flow, Upgrade

ZONE = 'gemel_zone_queries_total{zone="example.test"}'


class Counters(Upgrade):
    def counters(self):
        """Every sample of a counter or a histogram; None while nobody serves them."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=PATIENCE_S) as r:
                text = r.read().decode()
        except (OSError, http.client.HTTPException):  # the second where it goes in the middle of a word
            return None
        families = [name for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M) if kind in ("counter", "histogram")]
        samples = re.findall(r"^(gemel_\S+?)((?:{.*})?) (\S+)$", text, re.M)
        return {name + labels: float(v) for name, labels, v in samples
                if name in families or re.sub("_(bucket|sum|count)$", "", name) in families}

    def count(self, name):
        """Of one of them; 0 while nobody serves it, or documents have had their part of a second."""
        return (self.counters() or {}).get(name, 0)

    def test_none_falls(self):
        self.begin(keys=', query_log = 7, on_event = { "/bin/true" }')
        flows = self.flows(Flow(self.server("solo"), "id.server", "solo", ch=True))
        self.assert_soon(lambda: self.count(ZONE) > 100, "zones are counted")
        self.assert_soon(lambda: self.count("gemel_answer_duration_seconds_count") > 0, "times are counted")
        self.assert_soon(lambda: self.count("gemel_query_log_lines_total") > 0, "lines of the query log are counted")
        self.assert_soon(lambda: self.count("gemel_hook_runs_total") > 0, "the program of on_event ran")
        seen, stats, over, times = {}, {}, threading.Event(), []

        def upgrades():
            for _ in range(4):
                self.install(GEMELD)
                times.append(self.ctl("solo", "upgrade")[0])
            over.set()

        def flat(value, at=""):
            if isinstance(value, dict):
                return {k: v for key, one in value.items() for k, v in flat(one, f"{at}.{key}").items()}
            return {at: value} if isinstance(value, int) and not isinstance(value, bool) else {}

        t = threading.Thread(target=upgrades)
        t.start()
        looks = 0
        while not over.is_set() or looks < 20:
            looks += over.is_set()
            now = self.counters()
            for k, v in (now or {}).items():
                if v < seen.get(k, 0):
                    self.fail_with_logs(f"{k} falls from {seen[k]} to {v}")
            if now is not None:
                self.assertEqual(set(seen) - set(now), set(), "what was there is there")
                seen.update(now)
            status, out, _ = self.ctl("solo", "--json", "stats")
            told = flat(json.loads(out)) if status == 0 else {}
            for k, v in told.items():
                if k.startswith((".queries", ".responses", ".tcp.accepted", ".tcp.evicted", ".reloads.taken", ".latency.timed")) \
                        and not k.endswith(".qps"):  # a rate falls where nobody is let to ask
                    if v < stats.get(k, 0):
                        self.fail_with_logs(f"{k} of stats falls from {stats[k]} to {v}")
                    stats[k] = v
        t.join()
        self.assertEqual(times, [0] * 4)
        self.end_flows(flows)
        udp = sum(f.asked for f in flows if not f.tcp and not f.ch)
        self.assert_soon(lambda: self.count(ZONE) >= udp, "no question for the zone is forgotten")
        self.assertGreater(len(seen), 60)

    def test_a_responder_that_dies_takes_none_with_it(self):
        node = self.begin()
        for _ in range(200):
            ask(self.server("solo"), "static.example.test")
        self.assert_soon(lambda: self.count(ZONE) >= 200, "they are counted")
        before = self.assert_soon(self.counters, "they are told")
        pid = node.kill_child("responder")
        self.assert_soon(lambda: node.children().get("responder") not in (None, pid), "another responder")
        self.assert_soon(lambda: ask(self.server("solo"), "static.example.test") and self.count(ZONE) > before[ZONE], "counting goes on")
        now = self.assert_soon(self.counters, "they are told again")
        for k in (k for k in before if "process_" not in k):
            self.assertGreaterEqual(now[k], before[k], k)


class Logs(Upgrade):
    def test_what_operators_switched_stays(self):
        node = self.begin(keys=', query_log = 5, log_level = "notice"')
        self.assertEqual(self.ctl("solo", "log", "debug")[0], 0)
        self.assertEqual(self.ctl("solo", "querylog", "off")[0], 0)
        for _ in range(2):
            self.upgrade()
            self.assertEqual((self.told("log")["level"], self.told("querylog")["querylog"]), ("debug", "off"))
            self.assert_soon(lambda: "tap" not in node.children(), "there is no tap")
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assertEqual((self.told("log")["level"], self.told("querylog")["querylog"]), ("debug", "off"), "a reload is no other configuration")
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        self.scratch.write("gemel.lua", text.replace("query_log = 5", "query_log = 6"))
        self.upgrade()
        self.assertEqual((self.told("log")["level"], self.told("querylog")["sample"]), ("notice", 6), "another configuration counts")

    def test_what_was_switched_on_goes_on(self):
        node = self.begin()
        self.assertEqual(self.ctl("solo", "querylog", "on", "--sample", "3")[0], 0)
        tap = self.assert_soon(lambda: node.children().get("tap"), "there is a tap")
        self.upgrade()
        self.assertEqual(self.told("querylog")["sample"], 3)
        self.assert_soon(lambda: node.children().get("tap") not in (None, tap), "the new version's tap")

    def test_every_query_is_logged(self):
        node = self.begin(keys=", query_log = 1")
        self.assert_soon(lambda: "tap" in node.children(), "there is a tap")
        asked = 0
        for n in range(3):
            t = threading.Thread(target=self.upgrade)
            t.start()
            enough = asked + 50  # be it behind the upgrade, where we stood still
            while t.is_alive() or asked < enough:
                self.assertTrue(ask(self.server("solo"), f"q{asked}.wild.example.test", timeout=PATIENCE_S))
                asked += 1
                if asked % 200 == 0:  # a tap that stands still loses what its ring does not hold
                    self.assert_soon(lambda: node.log().count("event=query") > asked - 1000, "the tap keeps pace")
            t.join()
        logged = lambda: len(set(re.findall(r"event=query .*?name=(q\d+)\.wild", node.log())))
        self.assert_soon(lambda: logged() == asked or self.told("querylog")["lost"] or self.told("log")["dropped"], f"all {asked} are logged")
        self.assert_soon(lambda: (self.told("querylog")["lines"] or 0) >= logged(), "and counted")
        self.assertEqual((logged(), self.told("querylog")["lost"]), (asked, 0))


class Managed(Upgrade):
    def setUp(self):
        super().setUp()
        path = self.scratch.path("notify")
        self.manager = Manager(path)
        self.addCleanup(self.manager.socket.close)
        for name, value in (("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "2000000")):
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name, None)

    def words(self):
        return [lines for lines in self.manager.listen() if "WATCHDOG=1" not in lines]

    def test_the_manager_sees_one_service(self):
        node = self.begin()
        pid = node.process.pid
        for n in range(2, 4):
            self.upgrade()
            self.assert_soon(lambda n=n: self.manager.count(f"STATUS=generation {n} is served"), "it is told of the generation")
            before = self.manager.count("WATCHDOG=1")
            self.assert_soon(lambda: self.manager.count("WATCHDOG=1") > before, "the watchdog goes on")
            for child in node.lasting().values():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{child}/environ", "rb") as f:  # it left
                    self.assertNotIn(b"NOTIFY_SOCKET", f.read())
        self.assertEqual(node.process.pid, pid)
        self.assertEqual([w[0] for w in self.words()], ["READY=1"] * 3, "ready, never stopping, and a trial says nothing")
        node.process.send_signal(signal.SIGHUP)
        self.assert_soon(lambda: self.manager.count("READY=1") == 4, "a reload is told by the new one")
        self.assertEqual(self.words()[3][0], "RELOADING=1")
        self.assertEqual(node.stop(), 0)
        self.assertEqual(self.words()[-1][0], "STOPPING=1")

    def test_a_refused_upgrade_is_no_word(self):
        self.begin()
        self.install_script("#!/bin/sh\nexit 3\n")
        self.assertEqual(self.ctl("solo", "upgrade")[0], 1)
        before = self.manager.count("WATCHDOG=1")
        self.assert_soon(lambda: self.manager.count("WATCHDOG=1") > before, "the watchdog goes on")
        self.assertEqual([w[0] for w in self.words()], ["READY=1"])


class Clients(Upgrade):
    def test_status_over_dns_never_fails(self):
        self.begin()
        flows = self.flows(Flow(self.server("solo"), "id.server", "solo", ch=True), Flow(self.server("solo"), "id.server", "solo", ch=True, tcp=True))
        for _ in range(4):
            self.upgrade()
        self.end_flows(flows)

    def test_status_on_a_connection_of_before_two_upgrades(self):
        """For ten seconds it may go on: the responder that has it asks the coordinator that is there, the newest one."""
        self.begin()
        query = encode_query("id.server", "TXT", "CH")
        with socket.create_connection(self.server("solo"), PATIENCE_S) as s:
            s.settimeout(PATIENCE_S)
            over, said = threading.Event(), []

            def ask_on():
                with contextlib.suppress(OSError, EOFError):  # its time is over
                    while not over.is_set():
                        s.sendall(struct.pack(">H", len(query)) + query)
                        said.append(Message(read_tcp(s)).rcode)
            t = threading.Thread(target=ask_on)
            t.start()
            self.upgrade()
            self.upgrade()
            enough = len(said) + 20
            self.assert_soon(lambda: len(said) >= enough or not t.is_alive(), "it is answered")
            over.set()
            t.join()
        self.assertLessEqual(set(said), {"NOERROR", "SERVFAIL"})
        self.assertLessEqual(said.count("SERVFAIL"), 1, "each takes a second; a coordinator that stands still for one is why there may be one")

    def test_a_connection_that_never_rests_ends_between_two_answers(self):
        """It has ten seconds, and one to take note; then it is closed in good order: each answer is whole, and no reset takes one
        away."""
        self.begin()
        query = encode_query("static.example.test")
        message = struct.pack(">H", len(query)) + query
        with socket.create_connection(self.server("solo"), PATIENCE_S) as s:
            s.settimeout(PATIENCE_S)
            over, asked, still = threading.Event(), [0], [0.0]

            def ask_on():
                last = time.monotonic()
                try:
                    while not over.is_set():
                        s.sendall(message)
                        asked[0] += 1
                        time.sleep(0.001)
                        now = time.monotonic()
                        still[0], last = max(still[0], now - last), now
                except OSError:
                    pass

            t = threading.Thread(target=ask_on)
            t.start()
            self.upgrade()
            answers, data = 0, b""
            while True:
                try:
                    part = s.recv(65536)
                except ConnectionResetError:
                    t.join()
                    self.skip_if_late(still[0])
                    raise
                if not part:
                    ended = time.monotonic()
                    break
                data += part
                while len(data) >= 2 and len(data) >= 2 + struct.unpack(">H", data[:2])[0]:
                    end = 2 + struct.unpack(">H", data[:2])[0]
                    self.assertEqual(Message(data[2:end]).addresses(), ["192.0.2.10"])
                    answers, data = answers + 1, data[end:]
            over.set()
            t.join()
        self.skip_if_late(max(still[0], time.monotonic() - ended))
        self.assertEqual(data, b"", "it ends behind a whole answer")
        self.assertGreater(answers, 0)
        self.assertLessEqual(answers, asked[0])
        self.assertNotIn("are cut", self.nodes["solo"].log())
        self.assertEqual(resolve(self.server("solo"), "static.example.test", tcp=True).addresses(), ["192.0.2.10"])

    def skip_if_late(self, seconds):
        if seconds > 0.5:
            self.skipTest(f"this machine stood still for {seconds:.1f} s, more than the half of what a client has to take note")

    def test_who_idles_is_told_in_good_order(self):
        """A question on its way when the server closes is not answered, and no reset tells of it."""
        self.begin()
        idle = [socket.create_connection(self.server("solo"), PATIENCE_S) for _ in range(20)]
        query = encode_query("static.example.test")
        for s in idle:
            s.settimeout(PATIENCE_S)
            s.sendall(struct.pack(">H", len(query)) + query)
            read_tcp(s)
        self.upgrade()
        for s in idle:
            self.assertEqual(s.recv(1), b"")
            s.sendall(struct.pack(">H", len(query)) + query)  # behind the end: nothing comes, no reset is raised here
            s.close()


if __name__ == "__main__":
    unittest.main()
