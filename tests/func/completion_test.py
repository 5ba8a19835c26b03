"""What bash and zsh make of gemelctl's words: verbs and options from the table, names and addresses from a running server."""
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

import func

SERVICE = 'service "%s.example.test" { check = { script = "tcp", args = { port = 9 } }, tiers = { { "127.0.0.1", "::1" } } }\n'
ASK = """
source "$1"; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_gemelctl; printf '%s\\n' "${COMPREPLY[@]}"
"""


class Completion(func.Case):
    def setUp(self):
        super().setUp()
        self.node(self.single_config("".join(SERVICE % name for name in ("www", "wiki", "mail"))), "solo")
        self.socket = self.scratch.path("run", "solo.sock")
        os.mkdir(self.scratch.path("bin"))
        os.symlink(func.GEMELCTL, self.scratch.path("bin", "gemelctl"))
        self.environment = {"PATH": self.scratch.path("bin") + ":" + os.environ["PATH"], "TERM": "dumb", "HOME": self.scratch.name,
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "PS1": "% "}
        for shell, name in (("bash", "gemelctl.bash"), ("zsh", "_gemelctl")):
            run = subprocess.run([func.GEMELCTL, "completion", shell], capture_output=True, text=True, check=True, timeout=60)
            self.scratch.write(name, run.stdout)

    def bash(self, line):
        run = subprocess.run(["bash", "--norc", "-c", ASK, "bash", self.scratch.path("gemelctl.bash"), line], capture_output=True, text=True,
                             check=False, timeout=60, env=self.environment, cwd=self.scratch.name)
        self.assertEqual(run.stderr, "", line)
        return [w for w in run.stdout.split("\n") if w]

    def test_bash(self):
        ours = f"gemelctl -s {self.socket} "
        self.assertEqual(self.ctl("solo", "drain", "wiki.example.test/127.0.0.1", "--force")[0], 0)
        for line, want in (
                ("gemelctl serv", ["services", "service"]),
                ("gemelctl --json over", ["overrides"]),
                ("gemelctl --ver", ["--version"]),
                ("gemelctl status --", ["--check", "--json"]),
                ("gemelctl down x --r", ["--reason"]),
                ("gemelctl maint ", ["on", "off"]),
                ("gemelctl maint o", ["on", "off"]),
                ("gemelctl key n", ["new"]), ("gemelctl key s", ["send"]),
                ("gemelctl help wh", ["what-if"]),
                ("gemelctl querylog ", ["on", "off"]), ("gemelctl querylog on --s", ["--sample"]), ("gemelctl log w", ["warning"]),
                ("gemelctl what-if gemel", ["gemel.lua", "gemelctl.bash"]),
                ("gemelctl key new gemel.l", ["gemel.lua"]),
                ("gemelctl -c gemel.l", ["gemel.lua"]),
                ("gemelctl events -n ", []),
                ("gemelctl nosuch ", []),
                ("gemelctl status x", []),
                (ours + "service w", ["www.example.test", "wiki.example.test"]),
                (ours + "--json explain --client 192.0.2.1 m", ["mail.example.test"]),
                (ours + "failback mail.example.test ", []),
                (ours + "probe mail.example.test 127", ["127.0.0.1"]),
                (ours + "down 12", ["127.0.0.1"]),
                (ours + "down ::", ["1"]),  # readline holds what is up to the colon
                (ours + "down mail.example.test/12", ["mail.example.test/127.0.0.1"]),
                (ours + "down nosuch.example.test/", []),
                (ours + "auto ", ["wiki.example.test/127.0.0.1"]),
                ("gemelctl -s /nowhere service ", []),
                ("gemelctl -s /nowhere service $(touch${IFS}x) ", [])):
            with self.subTest(line=line):
                self.assertEqual(sorted(self.bash(line)), sorted(want))
        self.assertFalse(os.path.exists(self.scratch.path("x")))

    def zsh_type(self, keys, until):
        """What a terminal shows when somebody types; until it matches."""
        try:
            pid, fd = pty.fork()
        except OSError as e:
            self.skipTest(f"there is no terminal here: {e}")
        if pid == 0:
            os.chdir(self.scratch.name)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.environment)
        shown, end = "", time.monotonic() + func.PATIENCE_S
        try:
            os.write(fd, f"fpath=({self.scratch.name} $fpath); autoload -U compinit; compinit -u -D; setopt auto_list no_beep; "
                         f"LISTMAX=1000; print rea''dy\r".encode())
            typed = False
            while time.monotonic() < end:
                if not select.select([fd], [], [], 0.2)[0]:
                    continue
                try:
                    shown += os.read(fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
                if not typed and "\nready" in shown:
                    os.write(fd, keys.encode())
                    typed, shown = True, ""
                if typed and re.search(until, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", shown), re.S):
                    return True
            self.fail(f"{keys!r} showed {shown!r}, not {until!r}")
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(fd)
        return False

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh(self):
        for keys, until in (("gemelctl serv\t\t", r"services +-- every service"),
                            ("gemelctl overr\t", r"overrides "),
                            ("gemelctl status --c\t", r"--check "),
                            (f"gemelctl -s {self.socket} service wi\t", r"wiki\.example\.test "),
                            (f"gemelctl -s {self.socket} drain mail.example.test/12\t", r"mail\.example\.test/127\.0\.0\.1 "),
                            (f"gemelctl -s {self.socket} probe mail.example.test 127\t", r"127\.0\.0\.1 ")):
            with self.subTest(keys=keys):
                self.zsh_type(keys, until)

    def test_wrong_shell(self):
        status, out, err = self.ctl("solo", "completion", "fish")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("expected bash or zsh", err)


if __name__ == "__main__":
    func.main()
