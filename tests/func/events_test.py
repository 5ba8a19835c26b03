"""What changed, for operators: the history, its life over a kill, who follows, and who follows too slowly."""
import json
import os
import socket
import struct
import subprocess

from func import GEMELCTL, Case, main
from gemelkit import addresses, free_port

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"


class Events(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {a: self.backend(a, self.port) for a in (A, B)}
        config = self.single_config(f"""
check "web" {{ script = "http", args = {{ port = {self.port}, path = "/" }}, interval = "1s", timeout = "2s",
              retry = "100ms", fall = 2, rise = 2 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }}, {{ "{B}" }} }} }}
""")
        self.solo = self.node(config, "solo")
        self.answers(A)  # which may come of A alone
        self.assert_soon(lambda: {e["subject"] for e in self.events() if e["new"] == "up"} == {A, B}, "both are told to be up")

    def answers(self, *expected):
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) == sorted(expected), f"solo answers {expected}")

    def events(self, *words):
        status, out, err = self.ctl("solo", "--json", "events", *words)
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)["events"]

    def follow(self, *words):
        process = subprocess.Popen([GEMELCTL, "-s", self.scratch.path("run", "solo.sock"), "events", "-f", *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_dead_back_end_is_told_and_remembered(self):
        follower = self.follow("--json", "-n", "1")
        self.assertEqual(json.loads(follower.stdout.readline())["observer"], "solo")  # it is there
        self.backends[A].kill()
        followed = []
        while not any(e["kind"] == "answer" for e in followed):
            followed.append(json.loads(follower.stdout.readline()))
        verdict = next(e for e in followed if e["kind"] == "verdict")
        answer = next(e for e in followed if e["kind"] == "answer")
        self.assertEqual((verdict["subject"], verdict["old"], verdict["new"], verdict["cause"], verdict["observer"]),
                         (A, "up", "down", "check", "solo"))
        self.assertEqual(verdict["reason"], f"connect refused: port {self.port}")
        self.assertEqual((answer["subject"], answer["old"], answer["new"]), (NAME, A, B))
        self.assertTrue(answer["reason"].startswith(f"{A} down: connect refused"), answer)
        self.answers(B)

        kept = self.events()
        self.assertEqual([e for e in kept if e["number"] in (verdict["number"], answer["number"])], [verdict, answer])
        status, table, _ = self.ctl("solo", "events")
        self.assertEqual(status, 0)
        self.assertEqual(table.split()[:3], ["TIME", "KIND", "SUBJECT"])
        self.assertEqual(len(table.splitlines()), len(kept) + 1)
        self.assertEqual(len({line.index(" solo ") for line in table.splitlines()[1:] if " verdict " in line}), 1)
        self.assertEqual(len(self.ctl("solo", "events", "-n", "2")[1].splitlines()), 3)
        self.assertIn(f"event=answer service={NAME} type=A", self.solo.log())

        self.solo.kill()  # as a power cut would end it, the disk apart
        self.solo.start()
        again = self.events()
        self.assertEqual(again[:len(kept)], kept)
        started = again[len(kept)]
        self.assertEqual((started["kind"], started["new"], started["number"]), ("node", "started", kept[-1]["number"] + 1))

    def test_an_override_tells_who_and_why(self):
        self.assertEqual(self.ctl("solo", "down", A, "--reason", "new disk")[0], 0)
        override = next(e for e in self.events() if e["kind"] == "override")
        self.assertEqual((override["subject"], override["old"], override["new"], override["cause"], override["reason"]),
                         (A, "auto", "down", "operator", "new disk"))
        self.assertIn("author", override["detail"])

    def test_who_does_not_read_disturbs_nobody(self):
        slow = socket.socket(socket.AF_UNIX)  # how its queue ends stands in the unit test of ctl
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(self.scratch.path("run", "solo.sock"))
        words = [b"events", b"-f"]
        slow.sendall(b"GEMC" + struct.pack(">BHH", 0, 80, len(words)) + b"".join(struct.pack(">H", len(w)) + w for w in words))
        follower = self.follow("--json", "-n", "1")
        self.assertNotEqual(json.loads(follower.stdout.readline())["kind"], "override")  # it is there: what comes now is told
        for i in range(20):
            self.assertEqual(self.ctl("solo", "down" if i % 2 == 0 else "auto", A, "--force", "--reason", "x" * 90)[0], 0)
        seen = 0
        while seen < 20:
            seen += json.loads(follower.stdout.readline())["kind"] == "override"
        self.answers(A)

    def test_a_full_house_of_events_is_bounded_on_disk(self):
        state = self.scratch.path("run", "solo", "journal")
        for i in range(30):
            self.assertEqual(self.ctl("solo", "down" if i % 2 == 0 else "auto", A, "--force")[0], 0)
        self.assertLess(os.path.getsize(state), 5 << 20)
        numbers = [e["number"] for e in self.events()]
        self.assertEqual(numbers, sorted(numbers))


if __name__ == "__main__":
    main()
