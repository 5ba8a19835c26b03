"""The demo behind contrib/demo: two twins on loopback, three back ends, and what both twins answer.

    demo.py BUILD          live view; keys: 1 2 3 kill or start a back end, a b kill -9 or start a twin, q quit
    demo.py BUILD --once   plays the story, prints a timeline in milliseconds, exits 0 or 1
"""
import os
import select
import shutil
import subprocess
import sys
import termios
import tty

from gemelkit import Backend, Node, Scratch, addresses, ask, now_ms, wait_until

BACKENDS = ["127.0.0.11", "127.0.0.12", "127.0.0.13"]
PORT = 8080
TWINS = {"ns1": ("127.0.0.1", 5301), "ns2": ("127.0.0.1", 5302)}
NAME = "www.example.test"
FIRST_TIER, SECOND_TIER = BACKENDS[:2], BACKENDS[2:]
PATIENCE_S = 15


def lay_out(build, scratch):
    """Copies the example out of zones/ and gives it a key of its own."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "zones")
    for name in os.listdir(here):
        if os.path.isfile(os.path.join(here, name)):
            shutil.copy(os.path.join(here, name), scratch.path(name))
    subprocess.run([os.path.join(build, "gemelctl"), "key", "new", scratch.path("pair.key")], check=True,
                   stdout=subprocess.DEVNULL)
    return scratch.path("demo.lua")


class Demo:
    def __init__(self, build, scratch):
        config = lay_out(build, scratch)
        self.backends = [Backend(a, PORT) for a in BACKENDS]
        self.twins = {n: Node(os.path.join(build, "gemeld"), config, n, server) for n, server in TWINS.items()}
        self.control = {n: [os.path.join(build, "gemelctl"), "-s", scratch.path("run", f"{n}.sock")] for n in TWINS}

    def start(self):
        for b in self.backends:
            b.start()
        for t in self.twins.values():
            t.start()

    def end(self):
        for t in self.twins.values():
            t.kill()
        for b in self.backends:
            b.kill()


def print_digs():
    print("Try, from another terminal:")
    for name, (address, port) in TWINS.items():
        print(f"  dig @{address} -p {port} {NAME} A +short          # {name}")
    address, port = TWINS["ns1"]
    print(f"  dig @{address} -p {port} CH TXT {NAME}.service.gemel +short +tcp")
    print(f"  dig @{address} -p {port} CH TXT status.gemel +short\n")


# ---- the story ----

class Story:
    def __init__(self, demo):
        self.demo, self.began, self.failed = demo, now_ms(), False

    def say(self, text):
        print(f"{now_ms() - self.began:8.0f} ms  {text}", flush=True)

    def answers(self, expected, what, twins=None):
        """Waits until each twin answers exactly `expected`, and tells when each did."""
        start, seen = now_ms(), {}
        names = twins or list(TWINS)

        def all_agree():
            for n in names:
                if n not in seen and addresses(TWINS[n], NAME) == sorted(expected):
                    seen[n] = now_ms() - start
            return len(seen) == len(names)
        if wait_until(all_agree, PATIENCE_S):
            told = ", ".join(f"{n} after {seen[n]:.0f} ms" for n in names)
            self.say(f"{what}: {' '.join(expected) or '(nothing)'}  [{told}]")
        else:
            self.failed = True
            for n in names:
                if n not in seen:
                    self.say(f"FAILED: {what}: {n} answers {addresses(TWINS[n], NAME)}, expected {sorted(expected)}")

    def check(self, ok, text):
        self.say(text if ok else f"FAILED: {text}")
        self.failed |= not ok

    def play(self):
        d = self.demo
        self.say("start three back ends and two twins")
        d.start()
        self.answers(FIRST_TIER, "both twins answer the first tier")
        self.say(f"kill the back end {BACKENDS[0]}")
        d.backends[0].kill()
        self.answers([BACKENDS[1]], "both twins drop its address")
        self.say(f"start the back end {BACKENDS[0]} again")
        d.backends[0].start()
        self.answers(FIRST_TIER, "both twins answer it again")
        self.lose_a_twin()
        self.lose_everything()
        return not self.failed

    def lose_a_twin(self):
        d = self.demo
        self.say("kill a back end, wait until both know it, then kill -9 ns1 (all its processes)")
        d.backends[0].kill()
        self.answers([BACKENDS[1]], "both twins drop its address")
        d.twins["ns1"].kill()
        self.check(addresses(TWINS["ns2"], NAME) == [BACKENDS[1]], "ns2 answers on alone")
        self.say("start ns1 again")
        d.twins["ns1"].start(ready=0)
        first = wait_until(lambda: ask(TWINS["ns1"], NAME, timeout=0.05), PATIENCE_S)
        self.check(first is not None and first.addresses() == [BACKENDS[1]],
                   f"its first answer is the last known state: {first and first.addresses()}")
        joined = wait_until(lambda: self.link_state("ns1") == "active", PATIENCE_S)
        self.check(bool(joined), "the twins are joined again")
        d.backends[0].start()
        self.answers(FIRST_TIER, "both twins answer the whole first tier")

    def link_state(self, node):
        run = subprocess.run(self.demo.control[node] + ["peers"], capture_output=True, text=True, check=False)
        return "active" if "active" in run.stdout.lower() else None

    def lose_everything(self):
        d = self.demo
        self.say("kill the first tier")
        for b in d.backends[:2]:
            b.kill()
        self.answers(SECOND_TIER, "both twins fail over to the second tier")
        self.say("kill the last back end")
        d.backends[2].kill()
        self.answers(FIRST_TIER, "all_down: both twins answer the first tier, come what may")
        self.say("start all back ends again")
        for b in d.backends:
            b.start()
        self.answers(FIRST_TIER, "both twins answer the first tier")


# ---- the live view ----

def draw(demo):
    lines = ["\033[H\033[2JGemel: two twins, three back ends", ""]
    for b in demo.backends:
        lines.append(f"  back end {b.address}:{b.port}   {'running' if b.process else 'dead'}")
    lines.append("")
    for name, server in TWINS.items():
        answer = addresses(server, NAME, timeout=0.2)
        text = "no answer" if answer is None else " ".join(answer) or "(no address)"
        lines.append(f"  {name} answers {NAME}: {text}")
    lines += ["", "  keys: 1 2 3 kill or start a back end · a b kill -9 or start ns1 ns2 · q quit", "",
              f"  dig @127.0.0.1 -p {TWINS['ns1'][1]} {NAME} +short",
              f"  dig @127.0.0.1 -p {TWINS['ns2'][1]} {NAME} +short",
              f"  dig @127.0.0.1 -p {TWINS['ns1'][1]} CH TXT {NAME}.service.gemel +short"]
    print("\n".join(lines), flush=True)


def press(demo, key):
    if key in "123":
        b = demo.backends[int(key) - 1]
        b.kill() if b.process else b.start()
    elif key in "ab":
        t = demo.twins["ns1" if key == "a" else "ns2"]
        t.kill() if t.process else t.start(ready=0)


def live(demo):
    demo.start()
    if not sys.stdin.isatty():
        print_digs()
        while True:
            draw(demo)
            select.select([], [], [], 1)
    old = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        while True:
            draw(demo)
            if select.select([sys.stdin], [], [], 0.5)[0]:
                key = sys.stdin.read(1)
                if key == "q":
                    return
                press(demo, key)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, old)


def main():
    build = os.path.abspath(sys.argv[1])
    once = sys.argv[2:] == ["--once"]
    if sys.argv[2:] and not once:
        sys.exit("usage: contrib/demo [--once]")
    os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lua"))
    with Scratch() as scratch:
        demo = Demo(build, scratch)
        try:
            print_digs()
            if once:
                ok = Story(demo).play()
                print("the story came out right" if ok else "the story FAILED; see the lines above", flush=True)
                if not ok:
                    for t in demo.twins.values():
                        print(f"--- {t.name}'s log\n{t.log()}" if t.process else f"--- {t.name} is dead")
                return 0 if ok else 1
            live(demo)
            return 0
        except KeyboardInterrupt:
            return 0
        finally:
            demo.end()


if __name__ == "__main__":
    sys.exit(main())
