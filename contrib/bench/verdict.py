"""From the verdict to the changed answer: the back end here says 200, then 500; with fall = 1 the first 500 completes the verdict.

    verdict.py BUILD [RUNS]     the time from just before the 500 leaves to the first changed answer, asked without pause
"""
import os
import socket
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Message, Node, Scratch, encode_query, free_port, progress, wait_until  # noqa: E402

NAME, A, B = "www.example.test", "127.0.0.11", "127.0.0.12"
ZONE = "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\n"


class Switch(threading.Thread):
    """A one-thread HTTP server on every 127/8 address; A answers `status`, all others 200."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.status, self.failed_at = 200, None
        self.listener = socket.create_server(("0.0.0.0", port), backlog=64)

    def run(self):
        while True:
            conn, _ = self.listener.accept()
            with conn:
                conn.settimeout(1)
                try:
                    conn.recv(4096)
                    status = self.status if conn.getsockname()[0] == A else 200
                    if status == 500 and self.failed_at is None:
                        self.failed_at = time.monotonic()  # before it leaves: the answer may change before we run again
                    conn.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                except OSError:
                    pass


def answers(s, query):
    s.send(query)
    return Message(s.recv(2048)).addresses()


def main():
    build, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50
    check, port = free_port("0.0.0.0"), free_port()
    switch = Switch(check)
    switch.start()
    with Scratch() as scratch:
        scratch.write("example.test.zone", ZONE)
        config = scratch.write("gemel.lua", f"""
node "b" {{ listen = {{ "127.0.0.1:{port}" }}, control = "run/b.sock", state = "run/b" }}
zone "example.test" {{ file = "example.test.zone" }}
check "web" {{ script = "http", args = {{ port = {check}, path = "/" }}, interval = "200ms", timeout = "150ms", fall = 1, rise = 1 }}
service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}
""")
        node = Node(os.path.join(build, "gemeld"), config, "b").start()
        times = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", port))
            s.settimeout(2)
            query = encode_query(NAME)
            try:
                while len(times) < runs:
                    progress(f"{len(times)} of {runs} runs")
                    switch.failed_at, switch.status = None, 200
                    wait_until(lambda: answers(s, query) == [A, B], 10)
                    switch.status = 500
                    while answers(s, query) != [B]:
                        pass
                    if switch.failed_at:  # else it was a time-out of the busy machine that made the verdict
                        times.append((time.monotonic() - switch.failed_at) * 1000)
            finally:
                node.kill()
        progress()
        times.sort()
        print(f"{len(times)} runs: median {statistics.median(times):.2f} ms, p90 {times[len(times) * 9 // 10]:.2f} ms, worst {times[-1]:.2f} ms")


main()
