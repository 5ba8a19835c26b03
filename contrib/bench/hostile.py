"""How much hostile scripts delay other probes: the time that quick probes take, without and with them.

    hostile.py BUILD [SECONDS]     50 HTTP probes every 200 ms; then the same beside an endless loop, a pcall loop and a memory hog
"""
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Backend, Node, Scratch, free_port, progress  # noqa: E402

ZONE = "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\n"
QUICK = [f"127.0.2.{i}" for i in range(1, 51)]
HOSTILE = {
    "loop": "return function () while true do end end",
    "pcall": "return function () while true do pcall(function () while true do end end) end end",
    "hog": "return function () local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end end",
}


def configure(scratch, port, hostile):
    text = f"""node "b" {{ listen = {{ "127.0.0.1:{free_port()}" }}, control = "run/b.sock", state = "run/b" }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {port}, path = "/" }}, interval = "200ms", timeout = "190ms" }}
service "www.example.test" {{ check = "web", tiers = {{ {{ {', '.join(f'"{a}"' for a in QUICK)} }} }} }}
"""
    for i, (name, script) in enumerate(HOSTILE.items() if hostile else []):
        scratch.write(f"{name}.lua", script)
        text += (f'check "{name}" {{ script = "{name}.lua", interval = "200ms", timeout = "190ms" }}\n'
                 f'service "{name}.example.test" {{ check = "{name}", tiers = {{ {{ "127.0.3.{i + 1}" }} }} }}\n')
    scratch.write("example.test.zone", ZONE)
    return scratch.write("gemel.lua", text)


def measure(build, port, hostile, seconds):
    took = []
    with Scratch() as scratch:
        node = Node(os.path.join(build, "gemeld"), configure(scratch, port, hostile), "b").start()
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                progress(f"{'beside hostile scripts' if hostile else 'alone'}: {max(0, end - time.monotonic()):.0f} s of {seconds} left")
                time.sleep(0.2)  # one picture an interval
                run = subprocess.run([os.path.join(build, "gemelctl"), "-s", scratch.path("run/b.sock"), "--json", "service",
                                      "www.example.test"], capture_output=True, text=True, check=True)
                took += [m["took_us"] / 1000 for m in json.loads(run.stdout)["members"] if m["took_us"]]
        finally:
            node.kill()
    return took


def main():
    build, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    port = free_port()
    backend = Backend("0.0.0.0", port).start()  # one for every 127.0.2.x
    try:
        for hostile in (False, True):
            took = sorted(measure(build, port, hostile, seconds))
            progress()
            print(f"{'beside hostile scripts' if hostile else 'alone':24} {len(took)} probes: median {statistics.median(took):.1f} ms, "
                  f"p99 {took[len(took) * 99 // 100]:.1f} ms, worst {took[-1]:.1f} ms")
    finally:
        backend.kill()


main()
