"""The tour of the README, as it stands there: every line with $ is given to a shell, and what follows it is what comes, soon. Ports
alone are others, so that it may run beside whatever has these."""
import os
import re
import signal
import subprocess
import unittest

import func
from func import BUILD, PATIENCE_S, SRC, Case, free_port
from gemelkit import wait_until

HEADING = "A tour of five minutes\n"
PORTS = ["5301", "5302", "5401", "5402", "8080"]
# Their output is another each time; what has to stand in it.
SHOWS = {"service www": ["127.0.0.11", "connect refused"], "explain": ["127.0.0.12", "up"], "events": ["verdict", "connect refused"],
         "down": ["down 127.0.0.12 for 30m00s: in force on ns1 (1 service)"], "auto": ["in force on ns2"], "reload": ['unknown key "chekc"', 'did you mean "check"']}


def tour():
    """(command, lines expected)…, in their order."""
    with open(os.path.join(SRC, "README")) as f:
        text = f.read()
    text = text[text.index(HEADING):]
    text = text[:re.search(r"\n\n\n", text).start()]
    steps, here = [], False
    for line in text.split("\n"):
        if not line.startswith("    "):
            continue
        line = line[4:]
        if here:  # a document for the shell
            steps[-1][0] += "\n" + line
            here = line != "END"
        elif line.startswith("$ "):
            steps.append([line[2:], []])
            here = line.endswith("<<END")
        else:
            steps[-1][1].append(line)
    return steps


class Shell:
    """A bash that is told one command after the other."""
    END = "end-of-output"

    def __init__(self, folder):
        self.bash = subprocess.Popen(["bash", "--norc"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True, start_new_session=True)

    def run(self, command):
        self.bash.stdin.write(f"{command}\necho\necho {self.END}\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            if line.rstrip("\n") == self.END:
                break
            lines.append(line.rstrip("\n"))
        return [line for line in lines if line and not line.startswith("bash: line ")]  # but its own word of jobs that ended

    def end(self):
        self.bash.stdin.close()
        try:
            os.killpg(self.bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.bash.stdout.close()
        self.bash.wait()


class Tour(Case):
    def setUp(self):
        super().setUp()
        os.symlink(BUILD, self.scratch.path("build"))
        os.symlink(os.path.join(SRC, "lua"), self.scratch.path("lua"))
        self.shell = Shell(self.scratch.path(""))
        self.addCleanup(self.shell.end)
        self.ports = {p: str(free_port()) for p in PORTS}

    def ours(self, text):
        return re.sub(r"\b(" + "|".join(PORTS) + r")\b", lambda m: self.ports[m.group(1)], text)

    def expect(self, command, lines):
        """What asks is asked until it is so; what changes something is said once."""
        got = []

        def comes():
            got[:] = self.shell.run(self.ours(command))
            return sorted(got) == sorted(lines)
        if command.startswith("dig "):
            wait_until(comes, PATIENCE_S)
        else:
            comes()
        self.assertEqual(sorted(got), sorted(lines), command)

    def test_it_goes_as_told(self):
        steps = tour()
        self.assertGreaterEqual(len(steps), 25)
        for command, lines in steps:
            shows = next((v for k, v in SHOWS.items() if f" {k}" in command and "gemelctl" in command), None)
            if shows:
                out = [""]

                def holds():
                    out[0] = "\n".join(self.shell.run(self.ours(command)))
                    return all(text in out[0] for text in shows)
                wait_until(holds, PATIENCE_S) if any(f" {w} " in f"{command} " for w in ("service", "explain", "events")) else holds()
                for text in shows:
                    self.assertIn(text, out[0], command)
            else:
                self.expect(command, lines)


if __name__ == "__main__":
    func.main()
