"""Asking several servers the same questions at once: many outstanding, each answer known by its id."""
import select
import socket
import struct
import time

OUTSTANDING = 64
QUIET_S = 0.05      # after the last question of a round was answered: what is not here now was dropped
ROUND_S = 10.0      # at most: for a server that stands still
SENTINEL = 60000    # its number, above those of all questions
ROUNDS = 2          # a question is asked so often before its silence counts


class Channel:
    """One server over UDP or TCP; questions go out by number, answers come back by number."""

    def __init__(self, address, tcp):
        self.address, self.tcp, self.sock, self.rest = address, tcp, None, b""

    def open(self):
        if self.sock:
            return
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.sock.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
        self.sock.connect(self.address)
        self.rest = b""

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    def send(self, batch):
        self.open()
        try:
            if self.tcp:
                self.sock.sendall(b"".join(struct.pack(">HH", len(q) + 2, i) + q for i, q in batch))
            else:
                for i, q in batch:
                    self.sock.send(struct.pack(">H", i) + q)
        except OSError:
            self.close()

    def receive(self, got):
        """Takes what is there. False: the connection is over."""
        try:
            if self.tcp:    # or a server that writes twice waits 40 ms for us (RFC 1122 4.2.3.2)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not self.tcp:
                while True:
                    m = self.sock.recv(65535, socket.MSG_DONTWAIT)
                    got.setdefault(m[0] << 8 | m[1], m)
            part = self.sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            part = b""
        if not part:
            self.close()
            return False
        data, at = self.rest + part, 0
        while len(data) - at >= 2:
            n = data[at] << 8 | data[at + 1]
            if len(data) - at < n + 2:
                break
            m = data[at + 2:at + 2 + n]
            got.setdefault(m[0] << 8 | m[1], m)
            at += n + 2
        self.rest = data[at:]
        return True


def ask_batch(channels, queries, sentinel, dropped=True):
    """queries: octets behind the id. Gives back, for each channel, {number: message}.
    sentinel: a query that is always answered. It is asked last, and servers answer in order, so that silence is soon known; but
    where none may be dropped, the last round waits for all, since what another process has to say may be overtaken."""
    got = [{} for _ in channels]
    for turn in range(ROUNDS):
        last, waiting = SENTINEL + turn, []
        for c, g in zip(channels, got):
            left = [(i, q) for i, q in enumerate(queries) if i not in g]
            if left:
                c.send(left + [(last, sentinel)])
                waiting.append((c, g))
        if not waiting:
            break
        _collect(waiting, len(queries), last, dropped or turn < ROUNDS - 1)
        for _, g in waiting:
            g.pop(last, None)
    return got


def _collect(waiting, wanted, last, dropped):
    end = quiet = time.monotonic() + ROUND_S
    waiting = [w for w in waiting if w[0].sock]
    while waiting and time.monotonic() < quiet:
        ready = select.select([c.sock for c, _ in waiting], [], [], max(0, quiet - time.monotonic()))[0]
        for c, g in list(waiting):
            if c.sock in ready and (not c.receive(g) or len(g) > wanted):
                waiting.remove((c, g))
        if dropped and all(last in g for _, g in waiting):
            quiet = min(end, time.monotonic() + QUIET_S)
        if not ready:
            break
    for c, _ in waiting:
        c.close()           # its answers may come late, under numbers that are used again
