"""gemelctl top on a terminal: what it shows, that it follows, other sizes, keys, and that the terminal is given back."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unittest

import func
from gemelkit import free_port


class Terminal:
    """A pty with a small idea of a screen: rows are overwritten from home, as top does."""

    def __init__(self, argv, rows=24, columns=100):
        try:
            self.pid, self.fd = pty.fork()
        except OSError as e:
            raise unittest.SkipTest(f"there is no terminal here: {e}") from e
        if self.pid == 0:
            self.fd = 0
            self.resize(rows, columns)  # before it looks
            os.environ["TERM"] = "xterm"
            os.environ.pop("NO_COLOR", None)
            os.execv(argv[0], argv)
        self.raw = b""
        self.status = None

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            self.raw += data
            return bool(data)
        return True

    def picture(self):
        """The rows of the newest whole picture, without colours; [] before the first."""
        frames = self.raw.split(b"\x1b[H")[1:]
        whole = [f for f in frames if f.endswith(b"\x1b[J") or b"\x1b[J" in f]
        if not whole:
            return []
        text = whole[-1].split(b"\x1b[J")[0].decode()
        return [r.strip("\r") for r in re.sub(r"\x1b\[[0-9;]*[mK]", "", text).split("\n")]

    def type(self, keys):
        os.write(self.fd, keys)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class Top(func.Case):
    def setUp(self):
        super().setUp()
        self.port = free_port("127.0.0.1")
        body = f'check "web" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "200ms", fall = 1, rise = 1 }}\n'
        body += "".join(f'service "s{i}.example.test" {{ check = "web", tiers = {{ {{ "127.0.0.{i}" }} }} }}\n' for i in range(1, 10))
        self.back = self.backend("127.0.0.9", self.port)
        self.node(self.single_config(body), "solo")
        self.socket = self.scratch.path("run", "solo.sock")

    def start(self, **size):
        t = Terminal([func.GEMELCTL, "-s", self.socket, "top"], **size)
        self.addCleanup(t.close)
        return t

    def soon(self, t, condition, text):
        end = time.monotonic() + func.PATIENCE_S
        while time.monotonic() < end:
            t.read(0.1)
            if condition(t.picture()):
                return t.picture()
        self.fail_with_logs(f"not on the screen: {text}\n" + "\n".join(t.picture()))

    def end(self, t):
        end = time.monotonic() + func.PATIENCE_S
        while not t.ended() and time.monotonic() < end:
            t.read(0.05)
        self.assertTrue(t.ended(), "it goes on")
        while t.read(func.PATIENCE_S):  # to the end of what it wrote, which comes by a thread of the kernel's
            pass
        self.assertTrue(t.raw.endswith(b"\x1b[?25h\x1b[?1049l"), "the screen is not given back")

    def test_shows_and_follows(self):
        t = self.start(rows=40)
        rows = self.soon(t, lambda p: any("failed" in r for r in p) and any(r.startswith("s9.example.test  ok") for r in p), "the services")
        self.assertEqual(len(rows), 40)
        self.assertTrue(rows[0].startswith("solo  "), rows[0])
        self.assertRegex(rows[0], r"q/s .* UTC$")
        heads = [r.split()[0] for r in rows if re.match(r"(SERVICE|ADDRESS|TIME) ", r)]
        self.assertEqual(heads, ["SERVICE", "ADDRESS", "TIME"])
        self.assertIn("q quits", rows[-1])
        self.assertGreater(next(i for i, r in enumerate(rows) if r.startswith("s9.")), next(i for i, r in enumerate(rows) if "failed" in r))
        self.assertIn(b"\x1b[31m", t.raw)
        self.back.kill()
        self.soon(t, lambda p: any(r.startswith("s9.example.test  failed") for r in p), "that s9 failed")
        t.type(b"q")
        self.end(t)
        self.assertEqual(t.status, 0)

    def test_sizes(self):
        t = self.start(rows=40, columns=120)
        self.soon(t, lambda p: len(p) == 40, "40 rows")
        for rows, columns in ((12, 40), (5, 20), (2, 10), (1, 1), (60, 200)):
            t.raw = b""
            t.resize(rows, columns)
            picture = self.soon(t, lambda p, n=rows: len(p) == n, f"{rows} rows")
            self.assertLessEqual(max(map(len, picture)), columns)
        t.type(b"\x1b[Ax q")
        self.end(t)

    def test_terminal_is_given_back(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            t = self.start()
            before = termios.tcgetattr(t.fd)[3]
            self.soon(t, lambda p: p, "a picture")
            self.assertFalse(termios.tcgetattr(t.fd)[3] & termios.ECHO)
            os.kill(t.pid, sig)
            self.end(t)
            self.assertEqual(termios.tcgetattr(t.fd)[3] & termios.ECHO, before & termios.ECHO or termios.ECHO)

    def test_server_goes_and_comes(self):
        t = self.start()

        def services(picture):  # which ones there is room for hangs on their states
            return any(re.match(r"s\d\.example\.test ", r) for r in picture)
        self.soon(t, services, "services")
        self.nodes["solo"].kill()
        rows = self.soon(t, lambda p: p and ("no server" in p[-1] or "broke off" in p[-1]), "that the server is gone")
        self.assertTrue(services(rows), "what was known is not shown any more")
        self.nodes["solo"].start()
        self.soon(t, lambda p: p and "q quits" in p[-1], "that it is back")
        t.type(b"q")
        self.end(t)

    def test_no_terminal(self):
        status, out, err = self.ctl("solo", "top")
        self.assertEqual((status, err), (0, ""))
        self.assertNotIn("\x1b", out)
        self.assertIn("\nSERVICE", out)
        self.assertTrue(out.endswith("\n"))
        status, out, _ = self.ctl("solo", "top", "--json")
        self.assertEqual((status, "services" in json.loads(out)), (0, True))
        self.nodes["solo"].kill()
        self.assert_soon(lambda: "no server" in self.ctl("solo", "top")[2], "its children are gone, too")
        self.assertEqual(self.ctl("solo", "top")[:2], (1, ""))


if __name__ == "__main__":
    func.main()
