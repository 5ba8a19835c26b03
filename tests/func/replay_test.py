"""Recorded results: a back end dies and lives again; the journal tells the same story once more, and another one to another fall."""
import json
import os
import shutil

from func import Case, main
from gemelkit import addresses, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"


def config(port, fall, extra=""):
    """What is dead refuses at once: who takes time only waits for the machine. A first result that is a silence would decide alone."""
    return f"""
check "web" {{ script = "http", args = {{ port = {port}, path = "/" }}, interval = "1s", timeout = "5s",
              retry = "100ms", fall = {fall}, rise = 2 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" {extra} }} }} }}
"""


class Replay(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}
        self.config = self.single_config(config(self.port, 3))
        self.solo = self.node(self.config, "solo")
        self.journal = self.scratch.path("run", "solo", "journal")

    def other(self, body):
        with open(self.config, encoding="utf-8") as f:
            head = f.read().split("check \"web\"")[0]
        return self.scratch.write("other.lua", head + body)

    def answers(self, *expected):
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == sorted(expected), f"solo answers {expected}")

    def told(self):
        status, out, _ = self.ctl("solo", "--json", "events")
        self.assertEqual(status, 0)
        return [e for e in json.loads(out)["events"] if e["kind"] == "answer"]

    def votes(self):
        status, out, _ = self.ctl("solo", "--json", "service", NAME)
        return [m["own"] for m in json.loads(out)["members"]] if status == 0 else None

    def recorded(self):
        """What was told, and in self.journal a copy that goes as far and no further: the server goes on, and has more to write."""
        real = self.told()
        self.journal = shutil.copy(self.scratch.path("run", "solo", "journal"), self.scratch.path("journal"))
        return real if real == self.told() else None

    def replay(self, file, *words):
        status, out, err = self.run_gemeld("-c", file, "--replay", self.journal, "--json", *words)
        self.assertEqual(status, 0, err)
        return [json.loads(line) for line in out.splitlines()], err

    def live(self):
        self.answers(A)
        self.backends[A].kill()
        self.answers(B)
        self.backends[A] = self.backend(A, self.port)
        self.answers(A)

    def test_the_same_file_tells_the_same_and_another_fall_tells_it_earlier(self):
        self.live()
        real = self.assert_soon(self.recorded, "a moment in which nothing new is told")
        size = os.path.getsize(self.journal)
        lines, err = self.replay(self.config)
        self.assertEqual(err, "")
        self.assertEqual([(e["subject"], e["old"], e["new"]) for e in lines if e["old"]],
                         [(e["subject"], e["old"], e["new"]) for e in real])
        self.assertEqual([e["time"] for e in lines if e["old"] == A], [e["time"] for e in real if e["old"] == A])
        self.assertEqual(self.replay(self.config)[0], lines)

        hasty, _ = self.replay(self.other(config(self.port, 1)))
        self.assertLess(next(e["time"] for e in hasty if e["new"] == B), next(e["time"] for e in lines if e["new"] == B))
        self.assertEqual(os.path.getsize(self.journal), size, "a replay only reads")
        self.answers(A)

        verdicts, _ = self.replay(self.config, "-v")
        self.assertIn((A, "up", "down"), [(e["subject"], e["old"], e["new"]) for e in verdicts if e["kind"] == "verdict"])
        status, out, _ = self.run_gemeld("-c", self.config, "--replay", self.journal)
        self.assertEqual(status, 0)
        self.assertIn(f" {NAME} A {A} -> {B} ({A} down: connect refused", out)

        self.solo.kill()  # what was recorded outlives a kill, and the compaction of a start
        self.solo.start()
        self.answers(A)
        self.assertEqual(self.solo.stop(), 0)
        self.journal = self.scratch.path("run", "solo", "journal")
        self.assertEqual([(e["time"], e["old"], e["new"]) for e in self.replay(self.config)[0]][:len(lines)],
                         [(e["time"], e["old"], e["new"]) for e in lines])

    def test_what_is_not_recorded_is_named_once(self):
        self.assert_soon(lambda: self.votes() == ["up", "up"], "results of both are there: without, if late, an answer comes, too")
        self.assertEqual(self.solo.stop(), 0)  # what is written meanwhile may be seen in part
        _, err = self.replay(self.other(config(self.port, 3, ', "127.0.0.99"')))
        self.assertEqual(err, f"gemeld: no result is recorded of 127.0.0.99 by check web ({NAME})\n")

    def test_a_torn_journal_is_read_as_far_as_it_is_whole(self):
        self.live()
        self.solo.kill()
        torn = self.scratch.path("torn")
        with open(self.journal, "rb") as f:
            data = f.read()
        whole = len(data)
        for cut in (whole - 1, whole - 20, whole // 2, 9, 8, 3):
            with open(torn, "wb") as f:
                f.write(data[:cut])
            status, _, err = self.run_gemeld("-c", self.config, "--replay", torn)
            self.assertIn(status, (0, 1), err)
            self.assertNotEqual(err + str(status), "1")
        with open(torn, "wb") as f:
            f.write(data[:whole // 3] + os.urandom(4096))
        self.assertIn(self.run_gemeld("-c", self.config, "--replay", torn)[0], (0, 1))
        shutil.copy(self.config, torn)
        self.assertEqual(self.run_gemeld("-c", self.config, "--replay", torn)[2], f"gemeld: {torn}: this is no journal\n")

    def test_words(self):
        nothing = self.scratch.path("nothing")
        for words, status, text in (
                (("--replay", nothing), 1, f"gemeld: {nothing}: No such file or directory\n"),
                (("--replay", self.scratch.path("run")), 1, f"gemeld: {self.scratch.path('run')}: Is a directory\n"),
                (("--replay", nothing, "-t"), 2, "gemeld: --replay and -t do not go together\nusage"),
                (("-v",), 2, "gemeld: --json and -v go with --replay\nusage"), (("--json",), 2, "gemeld: --json and -v go"),
                (("--print",), 2, "gemeld: --print goes with -t\nusage"), (("start",), 2, "gemeld: \"start\" is no option; expected options only\nusage")):
            got, _, err = self.run_gemeld("-c", self.config, *words)
            self.assertEqual(got, status, words)
            self.assertTrue(err.startswith(text), err)
        with open(nothing, "wb"):
            pass
        got, _, err = self.run_gemeld("-c", self.config, "--replay", nothing)
        self.assertEqual((got, err.splitlines()[-1]), (1, f"gemeld: {nothing}: no results of these targets are recorded"))
        broken = self.other("check {")
        self.assertEqual(self.run_gemeld("-c", broken, "--replay", self.journal)[0], 1)


if __name__ == "__main__":
    main()
