"""Queries lost when a child is killed -9 under a steady load.

    kill.py BUILD [RATE] [SECONDS] [RUNS]     for each of responder, coordinator and prober; RATE queries a second (20000)
"""
import os
import selectors
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
from gemelkit import Node, Scratch, ask, encode_query, free_port, now_ms, progress, wait_until  # noqa: E402

ZONE = "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n  NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n"
BURST = 20  # sent together: a tick a millisecond at 20,000 a second
IDS = 60000  # of one socket, so that each answer is known by its id
SO_RCVBUFFORCE = 33


def receive(sockets, pipe):
    """In a process of its own: counts distinct answers until nothing came for two seconds."""
    sel = selectors.DefaultSelector()
    got = [set() for _ in sockets]
    for i, s in enumerate(sockets):
        sel.register(s, selectors.EVENT_READ, i)
    quiet = time.monotonic()
    while time.monotonic() - quiet < 2:
        for key, _ in sel.select(0.2):
            try:
                while True:
                    got[key.data].add(key.fileobj.recv(512, socket.MSG_DONTWAIT)[:2])
                    quiet = time.monotonic()
            except OSError:
                pass
    os.write(pipe, str(sum(len(g) for g in got)).encode())
    os._exit(0)


def load(server, rate, seconds, at_half):
    """Sends at a steady rate, calls at_half in the middle; gives back (sent, answered)."""
    total = rate * seconds
    sockets = []
    for _ in range(-(-total // IDS)):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)  # the generator itself must lose nothing
        s.connect(server)
        sockets.append(s)
    end, pipe = os.pipe()
    if os.fork() == 0:
        receive(sockets, pipe)
    query = bytearray(encode_query("www.example.test", ident=0))
    start, done = time.monotonic(), False
    for i in range(total):
        query[0:2] = (i % IDS).to_bytes(2, "big")
        sockets[i // IDS].send(query)
        if i % BURST == BURST - 1:
            while time.monotonic() < start + (i + 1) / rate:
                time.sleep(0)
        if not done and i >= total // 2:
            done = True
            at_half()
    answered = int(os.read(end, 32))
    os.wait()
    for s in sockets:
        s.close()
    return total, answered


def measure(node, port, role, rate, seconds):
    old = node.children()
    sent, answered = load(("127.0.0.1", port), rate, seconds, lambda: role and node.kill_child(role))
    if role and not wait_until(lambda: node.children().get(role, old[role]) != old[role], 10):
        sys.exit(f"the {role} did not come back")
    return sent - answered


def away(node, server, role):
    """Milliseconds from the kill until the new one runs; of the responder, until it answers."""
    old = node.children()[role]
    start = now_ms()
    node.kill_child(role)
    if not wait_until(lambda: node.children().get(role, old) != old and (role != "responder" or ask(server, "www.example.test")), 10, 0.001):
        sys.exit(f"the {role} did not come back")
    return now_ms() - start


def main():
    build = sys.argv[1]
    given = [int(v) for v in sys.argv[2:]]
    rate, seconds, runs = given + [20000, 3, 5][len(given):]
    with Scratch() as scratch:
        port = free_port()
        scratch.write("example.test.zone", ZONE)
        config = scratch.write("gemel.lua", f'node "b" {{ listen = {{ "127.0.0.1:{port}" }}, control = "run/b.sock", state = "run/b" }}\n'
                               'zone "example.test" { file = "example.test.zone" }\n')
        node = Node(os.path.join(build, "gemeld"), config, "b").start()
        try:
            for role in (None, "responder", "coordinator", "prober"):
                lost = []
                for i in range(runs):
                    progress(f"kill -9 of {role or 'nothing'}: run {i + 1} of {runs}, {seconds} s at {rate} queries a second")
                    lost.append(measure(node, port, role, rate, seconds))
                progress()
                print(f"kill -9 of {role or 'nothing'}: lost of {rate * seconds} in each of {runs} runs: {' '.join(map(str, lost))}")
                if role:
                    progress(f"how soon the {role} is back")
                    time.sleep(6)  # so long a child must have lived for its back-off to begin anew
                    progress()
                    print(f"    back after {away(node, ('127.0.0.1', port), role):.0f} ms")
        finally:
            node.kill()


main()
