"""How long from a back end's death to the changed answer, on each twin.

    failover.py BUILD [RUNS]     two twins, interval 1 s, fall 3, retry 200 ms; a run kills one back end at a random moment
"""
import os
import random
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Backend, Node, Scratch, addresses, free_port, now_ms, progress, wait_until, write_key  # noqa: E402

NAME, A, B = "www.example.test", "127.0.0.11", "127.0.0.12"
ZONE = "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\n"


def configure(scratch, check_port):
    ports = {n: free_port() for n in ("ns1", "ns2")}
    text = "".join(f'node "{n}" {{ id = {i}, listen = {{ "127.0.0.1:{ports[n]}" }}, peer = "127.0.0.1:{free_port()}", '
                   f'control = "run/{n}.sock", state = "run/{n}" }}\n' for i, n in ((1, "ns1"), (2, "ns2")))
    scratch.write("example.test.zone", ZONE)
    write_key(scratch.path("pair.key"))
    return ports, scratch.write("gemel.lua", text + f"""
pair {{ name = "bench", key = "pair.key" }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {check_port}, path = "/" }}, interval = "1s", timeout = "300ms", retry = "200ms", fall = 3,
              rise = 2 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}
""")


def wait_for(servers, expected):
    seen, start = {}, now_ms()

    def look():
        for name, server in servers.items():
            if name not in seen and addresses(server, NAME) == expected:
                seen[name] = now_ms() - start
        return len(seen) == len(servers)
    if not wait_until(look, 60, 0.001):
        sys.exit(f"not within 60 s: {expected}; seen {seen}")
    return seen


def main():
    build, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    random.seed(1)
    with Scratch() as scratch:
        port = free_port()
        a, b = Backend(A, port).start(), Backend(B, port).start()
        ports, config = configure(scratch, port)
        nodes = [Node(os.path.join(build, "gemeld"), config, n).start() for n in ports]
        servers = {n: ("127.0.0.1", p) for n, p in ports.items()}
        times = {n: [] for n in servers}
        try:
            for i in range(runs):
                progress(f"{i} of {runs} back ends killed")
                wait_for(servers, [A, B])
                time.sleep(random.random())  # so that the death falls anywhere in the interval
                a.kill()
                for n, ms in wait_for(servers, [B]).items():
                    times[n].append(ms)
                a.start()
        finally:
            for n in nodes:
                n.kill()
            a.kill()
            b.kill()
        progress()
        for n, values in times.items():
            print(f"{n}: {len(values)} runs, median {statistics.median(values):.0f} ms, worst {max(values):.0f} ms")


main()
