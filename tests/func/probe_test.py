"""gemelctl probe, with a server (its prober does it, and it counts for nothing) and without one, from the configuration alone."""
import json
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

from func import BUILD, PATIENCE_S, Case, main
from gemelkit import addresses, free_port

GOOD, BAD = "127.0.0.11", "127.0.0.12"
HANG_S = 6  # a prober that itself stood still for half of it blames nobody


class Probe(Case):
    def setUp(self):
        super().setUp()
        self.port, self.silent = free_port(), free_port()
        self.backend(GOOD, self.port)
        self.scratch.write("bug.lua", "return function (target)\n  log('here', target.state.n)\n  return target.nothing.here\nend")
        self.config = self.single_config(f"""
check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "1s", timeout = "5s", fall = 2 }}
check "hang" {{ script = "tcp", args = {{ port = {self.silent}, expect = "x" }}, timeout = "{HANG_S}s" }}
check "bug" {{ script = "bug.lua" }}
check "plugin" {{ script = "nagios", args = {{ command = "/bin/echo OK $ADDRESS$" }}, timeout = "20s" }}
service "www.example.test" {{ check = "web", tiers = {{ {{ "{GOOD}", "{BAD}" }} }} }}
service "any.example.test" {{ check = any {{ "web", "hang" }}, tiers = {{ {{ "{GOOD}" }} }} }}
service "all.example.test" {{ check = all {{ "web", "hang" }}, tiers = {{ {{ "{GOOD}" }} }} }}
service "bug.example.test" {{ check = "bug", tiers = {{ {{ "{GOOD}" }} }} }}
service "plugin.example.test" {{ check = "plugin", tiers = {{ {{ "{GOOD}" }} }} }}
service "static.example.test" {{ check = "web" }}
""")
        self.hang()

    def hang(self):
        """A target that takes connections, as many as there may be in a test, and says nothing."""
        s = socket.socket()
        s.bind((GOOD, self.silent))
        s.listen(1024)
        self.addCleanup(s.close)

    def alone(self, *words):
        run = subprocess.run([os.path.join(BUILD, "gemelctl"), "-c", self.config, *words], capture_output=True, text=True, check=False,
                             timeout=60)
        return run.returncode, run.stdout, run.stderr

    def check_all(self, probe):
        status, out, err = probe("probe", "www.example.test", GOOD, "--verbose")
        self.assertEqual((status, err), (0, ""), out)
        for part in (f"connect to {GOOD} port {self.port}", "connected", "GET / of www.example.test", "HTTP 200", "up: HTTP 200 ("):
            self.assertIn(part, out)
        status, out, err = probe("probe", "www.example.test", BAD)
        self.assertEqual((status, err), (1, ""), out)
        self.assertTrue(out.startswith(f"down: connect refused: port {self.port} ("), out)
        self.assertEqual(len(out.splitlines()), 1, "one line without --verbose")
        status, out, err = probe("probe", "any.example.test", GOOD)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("hang: down: read timeout", out)
        self.assertIn("up: 1 of 2 checks passes, 1 needed (weight 100%)", out)
        status, out, _ = probe("--json", "probe", "all.example.test", GOOD, "--verbose")
        doc = json.loads(out)
        self.assertEqual((status, doc["verdict"], [c["outcome"] for c in doc["checks"]]), (1, "down", ["up", "down"]))
        self.assertIn("connected", [s["what"] for s in doc["checks"][1]["steps"]])
        self.assertGreaterEqual(doc["checks"][1]["took_us"], HANG_S * 1000000)
        status, out, _ = probe("probe", "bug.example.test", GOOD, "--verbose")
        self.assertEqual(status, 3)
        self.assertIn("bug.lua:2: here", out)
        self.assertIn("unknown: script error: ", out)
        self.assertIn("bug.lua:3", out)
        status, out, _ = probe("probe", "plugin.example.test", GOOD, "--verbose")
        self.assertEqual(status, 0, out)
        self.assertIn(f"run /bin/echo OK {GOOD}", out)
        self.assertIn(f"up: OK {GOOD}", out)
        for words, text in ((("www.exmple.test", GOOD), 'did you mean "www.example.test"'),
                            (("www.example.test", "127.0.0.13"), f"expected one of {GOOD}, {BAD}")):
            status, out, err = probe("probe", *words)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(text, err)

    def test_without_a_server(self):
        self.check_all(self.alone)
        status, _, err = self.alone("probe", "static.example.test", "192.0.2.77")
        self.assertEqual(status, 2)
        self.assertIn("expected one of 192.0.2.10", err, "members that are records of the zone")
        self.scratch.write("gemel.lua", "check {")
        status, _, err = self.alone("probe", "www.example.test", GOOD)
        self.assertEqual(status, 3, "a faulty configuration says nothing of the target")
        self.assertIn("gemel.lua:1", err)

    def at_once(self, count, *words):
        """The exit statuses of so many that ask together."""
        with ThreadPoolExecutor(count) as pool:
            return [r[0] for r in pool.map(lambda _: self.ctl("solo", "probe", *words), range(count))]

    def test_with_a_server(self):
        self.node(self.config, "solo")
        self.assert_soon(lambda: addresses(self.server("solo"), "www.example.test") == [GOOD], "the server has its own view")
        self.check_all(lambda *words: self.ctl("solo", *words))
        self.assertEqual(self.at_once(5, "any.example.test", GOOD), [0] * 5)  # twice fall: www would go if these counted
        self.at_once(8, "all.example.test", GOOD)
        self.assertEqual(addresses(self.server("solo"), "www.example.test", timeout=PATIENCE_S), [GOOD])

    def test_the_prober_goes_away(self):
        solo = self.node(self.config, "solo")
        prober = solo.child("prober")
        os.kill(prober, signal.SIGSTOP)
        asked = subprocess.Popen([os.path.join(BUILD, "gemelctl"), "-s", self.scratch.path("run", "solo.sock"), "probe", "www.example.test",
                                  GOOD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(self.ctl("solo", "status")[0], 0, "nobody else waits for it")
        os.kill(prober, signal.SIGKILL)
        out, err = asked.communicate(timeout=2 * PATIENCE_S)
        if asked.returncode == 3:  # it was asked of the old one, of none, or of a new one without its plan
            self.assertRegex(out + err, "the prober went away; try again|the prober is not there|the plan has changed; try again")
        else:
            self.assertEqual(asked.returncode, 0)
        status, _, err = self.ctl("nobody", "probe", "www.example.test", GOOD)
        self.assertEqual(status, 3, "no server is not down")
        self.assertIn("no server at", err)


if __name__ == "__main__":
    main()
