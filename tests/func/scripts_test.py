"""Hostile scripts in the real prober: others are probed as ever, nothing dies, and what they cause is "unknown", never "down"."""
from func import Case, main
from gemelkit import addresses, free_port, resolve

GOOD = "127.0.0.11"
HOSTILE = {
    "loop": "return function () while true do end end",
    "pcall": "return function () while true do pcall(function () while true do end end) end end",
    "hog": "return function () local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end end",
    "pcallhog": "return function () local t = {} while true do pcall(function () while true do t[#t + 1] = {} end end) end end",
    "pattern": "return function () return (('a'):rep(30000)):find(('a-'):rep(30) .. 'b') end",
    "deep": "local function f(x) return f(x .. 'x') .. 'y' end return { run = function () return f('') end }",
    "bug": "return function (target) return target.nothing.here end",
}


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.back = self.backend(GOOD, self.port)
        self.backend("127.0.0.12", self.port)
        body = "".join(self.scratch.write(f"{n}.lua", text) and
                       f'check "{n}" {{ script = "{n}.lua", interval = "200ms", timeout = "10s" }}\n'  # its limits are to end it
                       f'service "{n}.example.test" {{ check = "{n}", tiers = {{ {{ "127.0.0.{50 + i}" }} }} }}\n'
                       for i, (n, text) in enumerate(HOSTILE.items()))
        body += (f'check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "200ms", timeout = "150ms" }}\n'
                 f'service "www.example.test" {{ check = "web", tiers = {{ {{ "{GOOD}" }}, {{ "127.0.0.12" }} }} }}\n')
        self.solo = self.node(self.single_config(body), "solo")

    def www(self):
        return addresses(self.server("solo"), "www.example.test")

    def test_nothing_is_delayed_and_nothing_dies(self):
        self.assert_soon(lambda: self.www() == [GOOD], "the good check is up")
        prober = self.solo.child("prober")
        self.assert_soon(lambda: all(self.lines(n) for n in HOSTILE), "each hostile script is named in the log")
        self.back.kill()
        self.assert_soon(lambda: self.www() != [GOOD], "the dead back end is noticed meanwhile")
        self.back.start()
        self.assert_soon(lambda: self.www() == [GOOD], "and that it came back")
        self.assertEqual(self.solo.child("prober"), prober, "the prober was never restarted")
        for i, name in enumerate(HOSTILE):  # unknown counts as `initial`, which is up: never taken down
            self.assertEqual(resolve(self.server("solo"), f"{name}.example.test").addresses(), [f"127.0.0.{50 + i}"], name)
        self.assert_soon(lambda: all(f"check {n} stays unknown" in self.solo.log() for n in HOSTILE), "each raises an alarm")
        self.assert_told_once()
        self.assert_soon(self.warns, "a warning, once the good check's back ends are up, whoever stood still meanwhile")

    def warns(self):
        status, out, _ = self.ctl("solo", "status", "--check")
        return status == 1 and f"{len(HOSTILE)} targets stay unknown" in out

    def lines(self, name):
        return [line for line in self.solo.log().splitlines() if "event=script" in line and f"/{name}.lua" in line]

    def assert_told_once(self, times=1):
        for name in HOSTILE:
            lines = self.lines(name)
            self.assertEqual(len(lines), times if name == "bug" else 1, "\n".join(lines))
            self.assertRegex(lines[-1], rf"{name}\.lua:1\b", "with file and line")

    def test_a_fault_is_told_once_a_version(self):
        self.assert_soon(lambda: all(self.lines(n) for n in HOSTILE), "each is told")
        self.reload()  # nothing changed, nothing is said
        self.scratch.write("bug.lua", "-- still not mended\n" + HOSTILE["bug"])
        self.reload()
        self.assert_soon(lambda: "bug.lua:2: " in self.solo.log(), "the new text has its own word")
        self.scratch.write("bug.lua", HOSTILE["bug"])
        self.reload()
        self.assert_soon(lambda: len(self.lines("bug")) == 3, "and the old one again")
        self.assert_soon(lambda: "check bug stays unknown" in self.solo.log(), "it goes on")
        self.assert_told_once(times=3)
        self.scratch.write("bug.lua", "return function () return true end")
        self.reload()
        self.assert_soon(lambda: "event=check check=bug state=known" in self.solo.log(), "its end is told")

    def reload(self):
        self.assertEqual(self.ctl("solo", "reload")[0], 0)


if __name__ == "__main__":
    main()
