"""What takes long tells on a terminal how far it is, in a line that is written over and gone at the end; nowhere else."""
import os
import re
import signal
import subprocess
import threading
import time

from func import GEMELCTL, GEMELD, PATIENCE_S, Case, main
from gemelkit import free_port

TARGETS = 60
RECORDS = 1000000
HELD_S = 0.6       # longer than what is not worth telling
BUSY_TICKS = 5     # of CPU, 10 ms each: it reads records by then, and has most of them before it
CLEAR = "\r\x1b[K"


class Terminal:
    """A program whose standard output and error are a terminal; what it writes is gathered."""

    def __init__(self, *argv):
        self.master, slave = os.openpty()
        self.text = ""
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                octets = os.read(self.master, 4096)
            except OSError:  # nobody has the other end any more
                return
            if not octets:
                return
            self.text += octets.decode()

    def end(self):
        self.process.terminate()
        status = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        os.close(self.master)
        return status


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def hold_amid_work(process):
    """Stops whoever of it and its children has begun to work, so that the work takes long on any machine."""
    while process.poll() is None:
        try:
            busy = [pid for pid in (process.pid, *children(process.pid)) if ticks(pid) >= BUSY_TICKS]
            for pid in busy[:1]:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(HELD_S)
                os.kill(pid, signal.SIGCONT)
                return
        except (FileNotFoundError, ProcessLookupError):  # one ended meanwhile
            continue
        time.sleep(0.001)


def on_screen(text):
    """The last line as a reader sees it."""
    line = ""
    for part in re.split(r"(\r\n|\r\x1b\[K|\r)", text):
        if part in ("\r\n", CLEAR):
            line = ""
        elif part != "\r":
            line = part + line[len(part):]
    return line


class Progress(Case):
    def server(self, zone, body=""):
        port = free_port()
        self.scratch.write("example.test.zone", zone)
        return self.scratch.write("gemel.lua", f'node "n" {{ listen = "127.0.0.1:{port}", control = "run/n.sock", state = "run/n" }}\n'
                                               f'zone "example.test" {{ file = "example.test.zone" }}\n{body}')

    def terminal(self, *argv, program=GEMELD):
        t = Terminal(program, *argv)
        self.addCleanup(lambda: t.process.poll() is None and t.end())
        return t

    def test_the_first_round_of_checks(self):
        # Each takes a little longer than the one before: the last ones longer than what is over at once, or than a pause of ours.
        slow = "sleep(tonumber(target.address:match('%d+$')) * 0.08)"
        self.scratch.write("slow.lua", f"return function (target) {slow} return true end")
        config = self.server("$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 127.0.0.1\n",
                             'local t = {}\nfor i = 1, ' + str(TARGETS) + ' do t[i] = "127.0.0." .. i end\n'
                             'check "slow" { script = "slow.lua", timeout = "20s" }\n'
                             'service "www.example.test" { check = "slow", tiers = { t } }\n')
        t = self.terminal("-c", config)
        self.assert_soon(lambda: "targets have answered" in t.text, "the first round is told")
        self.assert_soon(lambda: on_screen(t.text) == "", "and its line is gone")
        self.assertEqual(t.end(), 0)
        told = [int(n) for n in re.findall(rf"first round of checks: (\d+) of {TARGETS} targets have answered", t.text)]
        self.assertEqual(told, sorted(told))
        self.assertLess(told[0], TARGETS)
        for line in t.text.split("\r\n")[:-1]:
            self.assertRegex(on_screen(line), "^time=", "a line of the log covers what stood there")
            self.assertNotIn("first round", on_screen(line))

    def test_a_large_zone(self):
        zone = ["$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 127.0.0.1\n"]
        zone += [f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(RECORDS)]
        config = self.server("".join(zone))
        t = self.terminal("-c", config, "-t")
        hold_amid_work(t.process)
        self.assertEqual(t.process.wait(10 * PATIENCE_S), 0)
        t.end()
        self.assertRegex(t.text, r"loading: 0 of 1 zones, \d+ records read")
        self.assertEqual(on_screen(t.text), "")
        self.assertNotIn("\n", t.text)
        with open(config, encoding="utf-8") as f:
            text = f.read()
        self.scratch.write("up.lua", "return function () return true end")
        probed = self.scratch.write("probed.lua", text + 'check "up" { script = "up.lua" }\nservice "h1.example.test" { check = "up" }\n')
        t = self.terminal("-c", probed, "probe", "h1.example.test", "10.0.0.1", program=GEMELCTL)
        hold_amid_work(t.process)
        self.assertEqual(t.process.wait(10 * PATIENCE_S), 0)
        t.end()
        self.assertRegex(t.text, r"loading: 0 of 1 zones, \d+ records read")
        self.assertEqual(t.text.rsplit(CLEAR, 1)[1][:2], "up")
        t = self.terminal("-c", config)
        hold_amid_work(t.process)
        end = time.monotonic() + 10 * PATIENCE_S
        while "message=ready" not in t.text and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn("message=ready", t.text)
        self.assertEqual(t.end(), 0)
        self.assertRegex(t.text, r"loading: 0 of 1 zones, \d+ records read")
        run = subprocess.run([GEMELD, "-c", config, "-t"], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""), "no terminal: silent")


if __name__ == "__main__":
    main()
