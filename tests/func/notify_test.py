"""What a service manager is told (sd_notify(3))."""
import os
import re
import signal
import time
import unittest

from func import Case
from history import seconds
from manager import Manager

TRUSTED_S = 7  # of the 10 s after which it is killed: 3 s, and the time that a last beat may be on its way


class Notify(Case):
    WATCHDOG_US = 2_000_000

    def setUp(self):
        super().setUp()
        path = self.scratch.path("notify")
        self.manager = Manager(path)
        self.addCleanup(self.manager.socket.close)
        self.set("NOTIFY_SOCKET", path)
        self.set("WATCHDOG_USEC", str(self.WATCHDOG_US))
        self.config = self.single_config()

    def set(self, name, value):
        os.environ[name] = value
        self.addCleanup(os.environ.pop, name, None)

    def begin(self):
        self.solo = self.node(self.config, "solo")
        self.assert_soon(lambda: self.manager.count("READY=1"), "ready")

    def said(self):
        """But for the watchdog, whose word comes once a second, whatever else is said."""
        return [lines for lines in self.manager.listen() if "WATCHDOG=1" not in lines]

    def test_a_life(self):
        self.begin()
        self.assertEqual(self.said(), [["READY=1", "STATUS=generation 1 is served"]])
        self.solo.process.send_signal(signal.SIGHUP)
        self.assert_soon(lambda: self.manager.count("READY=1") == 2, "ready again")
        said = self.said()
        self.assertEqual([lines[0] for lines in said], ["READY=1", "RELOADING=1", "READY=1"])
        name, value = said[1][1].split("=")
        self.assertEqual(name, "MONOTONIC_USEC")
        self.assertLess(abs(int(value) / 1e6 - time.monotonic()), 60)
        self.assertIn("STATUS=generation 2 is served", said[2])
        self.assertEqual(self.solo.stop(), 0)
        self.assertEqual(self.said()[-1][0], "STOPPING=1")

    def test_a_reload_that_is_refused_ends_too(self):
        self.begin()
        with open(self.config, "a") as f:
            f.write("nonsense {\n")
        self.solo.process.send_signal(signal.SIGHUP)
        self.assert_soon(lambda: self.manager.count("READY=1") == 2, "ready again")
        self.assertEqual(self.manager.count("STATUS=generation 1 is served"), 2)

    def test_children_do_not_speak_for_it(self):
        self.begin()
        self.assert_soon(lambda: "loader" not in self.solo.children(), "the loader, which goes by itself, is gone")
        for pid in self.solo.children().values():
            with open(f"/proc/{pid}/environ", "rb") as f:
                self.assertNotIn(b"NOTIFY_SOCKET", f.read())

    def test_watchdog_only_while_the_responder_lives(self):
        self.begin()
        self.assert_soon(lambda: self.manager.count("WATCHDOG=1") >= 2, "it is told that all is well")
        os.kill(self.solo.child("responder"), signal.SIGSTOP)
        stopped = time.time()
        words = re.compile(r"time=(\S+) .*the responder died")
        line = self.assert_soon(lambda: words.search(self.solo.log()), "the hang is noticed, and ended")
        self.manager.listen()
        late = [t for t, lines in self.manager.heard if "WATCHDOG=1" in lines and stopped + TRUSTED_S < t < seconds(line[1])]
        self.assertEqual(late, [], "nothing while it hung")
        before = self.manager.count("WATCHDOG=1")
        self.assert_soon(lambda: self.manager.count("WATCHDOG=1") > before, "the new one vouches again")

    def test_watchdog_meant_for_another(self):
        self.set("WATCHDOG_PID", "1")
        self.begin()
        self.solo.process.send_signal(signal.SIGHUP)
        self.assert_soon(lambda: self.manager.count("READY=1") == 2, "ready again")
        self.assertEqual(self.manager.count("WATCHDOG=1"), 0)


class NoManager(Case):
    def test_hostile_words(self):
        for path in ("", "relative", "/" + "x" * 200, "/nowhere/at/all", "@"):
            os.environ["NOTIFY_SOCKET"] = path
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            os.environ["WATCHDOG_USEC"] = "nonsense"
            self.addCleanup(os.environ.pop, "WATCHDOG_USEC", None)
            solo = self.node(self.single_config(), "solo")
            self.assert_soon(lambda: "ready" in solo.log(), path)
            self.assertEqual(solo.stop(), 0)


if __name__ == "__main__":
    unittest.main()
