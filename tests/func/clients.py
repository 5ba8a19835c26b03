"""Clients that ask every node the same names, without pause, and write down what they were told and when.

    clients.py FILE STEP_S WAIT_S NODE=ADDRESS:PORT… NAME…      until stdin ends; then once more, so that what was true by then is told,
                                                                and at most WAIT_S for what is still out

A line of stdin is a time and the name of a node that was dead then: for what was asked there before nobody will wait. What is asked
later it may answer before we come to read that line.

A line of FILE is one JSON list:

    ["answer", sent, received, node, name, [addresses] or "SERVFAIL"]     times are seconds since 1970
    ["silence", sent, null, node, name, null]                             nothing came within WAIT_S
    ["lag", time, seconds]                                                how late this process ran, which is the machine's doing
"""
import json
import os
import select
import socket
import subprocess
import sys
import time

import func  # noqa: F401  (it finds gemelkit)
from gemelkit import Message, encode_query

STEP_MS = 20  # between two questions to one node for one name
WAIT_S = 10   # a node that lives answers in far less, on the slowest machine
FOREVER = float("inf")
LAG_S = 0.002 # below, it is not worth a line


class Client:
    def __init__(self, node, server, names, out):
        self.node, self.names, self.out = node, names, out
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(server)
        self.asked, self.next = {}, 0  # id: (sent, name), in the order of their times

    def write(self, *words):
        self.out.write(json.dumps(words) + "\n")

    def ask(self):
        for name in self.names:
            self.next = (self.next + 1) % 65536
            query, sent = encode_query(name, ident=self.next), time.time()
            self.asked[self.next] = (sent, name)
            if not self.sends(query):  # an error is the fate of an earlier one, and keeps this one from being sent
                self.sends(query)

    def sends(self, query):
        try:
            return self.socket.send(query)
        except OSError:
            return 0

    def read(self):
        while True:
            try:
                reply = Message(self.socket.recv(4096))
            except BlockingIOError:
                return
            except OSError:  # nobody had that socket when one of them came: of which, and of those since, it says nothing
                continue
            now = time.time()
            if reply.ident in self.asked:
                sent, name = self.asked.pop(reply.ident)
                self.write("answer", sent, now, self.node, name, reply.addresses() if reply.rcode == "NOERROR" else reply.rcode)

    def forget(self, until):
        """What was asked before that time."""
        for ident, (sent, name) in list(self.asked.items()):
            if sent >= until:
                return
            del self.asked[ident]
            self.write("silence", sent, None, self.node, name, None)


def serve(path, step_s, wait_s, words):
    servers = dict(w.split("=") for w in words if "=" in w)
    names = [w for w in words if "=" not in w]
    with open(path, "w", encoding="ascii") as out:
        clients = [Client(n, (a.split(":")[0], int(a.split(":")[1])), names, out) for n, a in servers.items()]
        poll = select.poll()
        for s in (0, *(c.socket for c in clients)):
            poll.register(s, select.POLLIN)
        print("ready", flush=True)
        next_s, end = time.monotonic(), None
        while end is None or (time.monotonic() < end and any(c.asked for c in clients)):
            ready = dict(poll.poll(max(0.0, (next_s - time.monotonic()) * 1000)))
            for c in clients:
                c.read()
                c.forget(time.time() - wait_s)
            if 0 in ready:
                line = sys.stdin.readline().split()
                for c in clients:
                    if line[1:] == [c.node]:
                        c.forget(float(line[0]))
                if not line:
                    for c in clients:
                        c.ask()
                    end = time.monotonic() + wait_s
                    poll.unregister(0)
            lag = time.monotonic() - next_s
            if lag >= 0:
                if lag > LAG_S:
                    out.write(json.dumps(["lag", time.time(), lag]) + "\n")
                for c in clients if end is None else ():
                    c.ask()
                next_s = max(next_s + step_s, time.monotonic())
        for c in clients:
            c.forget(FOREVER)


class Clients:
    """The handle; history() ends them and gives back the lines."""

    def __init__(self, case, path, servers, names, step_ms=STEP_MS):
        self.path = path
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), path, str(step_ms / 1000), str(WAIT_S),
                                         *(f"{n}={a}:{p}" for n, (a, p) in servers.items()), *names],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.end)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the clients did not start")

    def dead(self, node):
        print(time.time(), node, file=self.process.stdin, flush=True)

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.stdout.close()
        self.process.wait()

    def history(self):
        self.end()
        with open(self.path, encoding="ascii") as f:
            return [json.loads(line) for line in f]


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
