"""Back ends that behave as they are told, to each client as it is told: one process, an HTTP server an address.

    switchable.py PORT ADDRESS…     then lines on stdin, {"address": …, "client": … or null for all, "mode": …}; each is answered
                                    by "ok"

    up       200            failing   500            silent   takes connections and says nothing
    closed   refuses connections, of all clients
"""
import json
import os
import socket
import subprocess
import sys
import threading

REPLY = "HTTP/1.1 {} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
HELD_MAX = 200  # silent connections kept open


class Address(threading.Thread):
    def __init__(self, address, port):
        super().__init__(daemon=True)
        self.address, self.port, self.modes, self.mode, self.held = address, port, {}, "up", []
        self.open()

    def open(self):
        self.listener = socket.create_server((self.address, self.port), backlog=64)

    def set(self, client, mode):
        if client:
            self.modes[client] = mode
            return
        was, self.mode, self.modes = self.mode, mode, {}
        if mode == "closed" and was != "closed":
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which ends
            self.join()
            self.listener.close()
        elif was == "closed" and mode != "closed":
            self.open()
            super().__init__(daemon=True)
            self.start()

    def run(self):
        while True:
            try:
                conn, (client, _) = self.listener.accept()
            except OSError:
                return
            try:
                conn.settimeout(1)
                conn.recv(4096)
                self.serve(conn, self.modes.get(client, self.mode))
            except OSError:
                conn.close()

    def serve(self, conn, mode):
        if mode == "silent":
            self.held = [*self.held[-HELD_MAX:], conn]
            return
        conn.sendall(REPLY.format(200 if mode == "up" else 500).encode())
        conn.close()


def serve(port, addresses):
    servers = {a: Address(a, port) for a in addresses}
    for s in servers.values():
        s.start()
    print("ready", flush=True)
    for line in sys.stdin:
        word = json.loads(line)
        servers[word["address"]].set(word["client"], word["mode"])
        print("ok", flush=True)


class Backends:
    """The handle."""

    def __init__(self, case, port, addresses):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), *addresses],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        case.addCleanup(self.end)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the back ends did not start")

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def set(self, address, mode, client=None):
        print(json.dumps({"address": address, "client": client, "mode": mode}), file=self.process.stdin)
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError("the back ends are gone")


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
