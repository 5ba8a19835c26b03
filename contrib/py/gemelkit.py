"""Running Gemel's processes and asking them questions: shared by the demo, the functional tests and the measurements.

Standard library only.  Nothing here sleeps for a fixed time to let something happen: wait_until polls a condition.
"""
import fcntl
import itertools
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255}
CLASSES = {"IN": 1, "CH": 3}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def now_ms():
    return time.monotonic() * 1000.0


def is_alive(pid):
    """Any thread of it: the first may be a zombie while others end, and until then its sockets take what nobody answers."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8") as f:
                if f.read().rsplit(")", 1)[1].split()[0] not in "ZX":
                    return True
    except (FileNotFoundError, ProcessLookupError):  # it, or a thread, goes before it is opened, or before it is read
        return os.path.exists(f"/proc/{pid}/task") and is_alive(pid)
    return False


def wait_until(condition, seconds, step=0.005):
    """Polls until condition() is true; gives back its value, or None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            return None
        time.sleep(step)


def close_listener(listener, thread):
    """The thread that accepts ends first: a call of accept that a signal interrupts begins anew with the same number, which may by then
    be another's socket. It would take a connection from that one, and say a word of its own. Once closed, nothing is done."""
    if thread.is_alive():
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    listener.close()


def fetch(url, seconds=30):
    """A document of a node's over HTTP. Who is told that documents have had their part of this second asks again."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def fetched():
        try:
            with opener.open(url, timeout=seconds) as r:
                return r.read().decode()
        except urllib.error.HTTPError as e:
            if e.code != 503:
                raise
            e.close()
            return None
    return wait_until(fetched, seconds, 0.1)


def progress(text=""):
    """Where something long is, on a terminal only: a line that is written over. Without a text it goes, before others write."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


# ---- DNS, just enough to look at an answer ----

def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            raw = label.encode()
            out += bytes([len(raw)]) + raw
    return out + b"\0"


def encode_query(name, qtype="A", qclass="IN", edns=1232, ident=None, options=b""):
    ident = random.randrange(65536) if ident is None else ident
    head = struct.pack(">HHHHHH", ident, 0x0000, 1, 0, 0, 1 if edns else 0)
    question = encode_name(name) + struct.pack(">HH", TYPES.get(qtype, qtype), CLASSES.get(qclass, qclass))
    opt = b"\0" + struct.pack(">HHIH", 41, edns, 0, len(options)) + options if edns else b""
    return head + question + opt


def read_name(message, at):
    labels, jumped, hops = [], None, 0
    while True:
        length = message[at]
        if length >= 0xC0:
            jumped = at + 2 if jumped is None else jumped
            at = (length & 0x3F) << 8 | message[at + 1]
            hops += 1
            if hops > 64:
                raise ValueError("compression loop")
        elif length == 0:
            return ".".join(labels), (at + 1 if jumped is None else jumped)
        else:
            labels.append(message[at + 1:at + 1 + length].decode("latin-1"))
            at += 1 + length


class Message:
    """A parsed answer: rcode (text), aa, tc, and sections as lists of (name, type, ttl, data)."""

    def __init__(self, wire):
        self.wire = wire
        self.ident, flags, qd, an, ns, ar = struct.unpack(">HHHHHH", wire[:12])
        self.rcode = RCODES.get(flags & 15, str(flags & 15))
        self.aa, self.tc = bool(flags & 0x400), bool(flags & 0x200)
        at = 12
        for _ in range(qd):
            _, at = read_name(wire, at)
            at += 4
        self.answer, at = self._section(at, an)
        self.authority, at = self._section(at, ns)
        self.additional, at = self._section(at, ar)
        if at != len(wire):
            raise ValueError("octets after the last record")

    def _section(self, at, count):
        records = []
        for _ in range(count):
            name, at = read_name(self.wire, at)
            rtype, _, ttl, length = struct.unpack(">HHIH", self.wire[at:at + 10])
            at += 10
            records.append((name, rtype, ttl, self._data(rtype, at, length)))
            at += length
        return records, at

    def _data(self, rtype, at, length):
        raw = self.wire[at:at + length]
        if rtype == 1:
            return socket.inet_ntop(socket.AF_INET, raw)
        if rtype == 28:
            return socket.inet_ntop(socket.AF_INET6, raw)
        if rtype in (2, 5):
            return read_name(self.wire, at)[0]
        if rtype == 16:
            strings, i = [], 0
            while i < len(raw):
                strings.append(raw[i + 1:i + 1 + raw[i]].decode("utf-8", "replace"))
                i += 1 + raw[i]
            return strings
        return raw

    def addresses(self):
        return sorted(r[3] for r in self.answer if r[1] in (1, 28))


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ask(server, name, qtype="A", qclass="IN", tcp=False, timeout=1.0, edns=1232, source=None):
    """One question to (address, port). None when nothing came in time."""
    query = encode_query(name, qtype, qclass, edns)
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(family_of(server[0]), kind) as s:
        s.settimeout(timeout)
        try:
            if source:
                s.bind((source, 0))
            s.connect(server)
            if tcp:
                s.sendall(struct.pack(">H", len(query)) + query)
                return Message(read_tcp(s))
            s.send(query)
            while True:
                reply = s.recv(65535)
                if reply[:2] == query[:2]:
                    return Message(reply)
        except (socket.timeout, ConnectionError, EOFError):
            return None


def resolve(server, name, qtype="A", seconds=30, **how):
    """The answer, as a resolver comes by it: who is silent is asked again, with more patience. So what it says is looked at, not
    whether the machine let it say so at once. None where it says nothing all that time."""
    waits = itertools.count(1)
    return wait_until(lambda: ask(server, name, qtype, timeout=min(next(waits) / 2, 5), **how), seconds)


def read_exactly(s, count):
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_tcp(s):
    return read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0])


def addresses(server, name, qtype="A", timeout=0.3):
    """The addresses of an answer, [] for none, None for silence: for who asks until it is as expected. Others use resolve."""
    reply = ask(server, name, qtype, timeout=timeout)
    return None if reply is None else reply.addresses()


PORTS_FROM, PORTS_EACH, PORTS_SHARES = 10240, 256, 80  # below those that the system gives to clients


def _take_share():
    """This process's own share of the ports, as long as it lives: a server that is down for a moment finds its port again, whoever
    else looks for one meanwhile, be it another test or a client of the system's choice."""
    for n in range(PORTS_SHARES):
        try:
            lock = open(os.path.join(tempfile.gettempdir(), f"gemel-ports.{n}"), "a", encoding="ascii")
        except OSError:
            continue  # somebody else's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock, itertools.cycle(range(PORTS_FROM + n * PORTS_EACH, PORTS_FROM + (n + 1) * PORTS_EACH))
        except OSError:
            lock.close()
    raise RuntimeError("no share of the ports is free")


_share = None


def free_port(address="127.0.0.1"):
    """A port that right now is free for both UDP and TCP on every address of the family (a connection that ended a moment ago on
    another address counts), and that no other process asks for."""
    global _share
    _share = _share or _take_share()
    family = family_of(address)
    for port in itertools.islice(_share[1], PORTS_EACH):
        with socket.socket(family, socket.SOCK_STREAM) as t, socket.socket(family, socket.SOCK_DGRAM) as u:
            try:
                t.bind(("", port))
                u.bind(("", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no port of this process's share is free")


# ---- back ends ----

class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = getattr(self.server, "status", 200)
        body = b"ok\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Backend:
    """A small HTTP server in a process of its own, so that it can be killed like a real one."""

    def __init__(self, address, port):
        self.address, self.port, self.process = address, port, None

    def start(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "backend", self.address, str(self.port)])
        if not wait_until(self.accepts, 10):
            raise RuntimeError(f"the back end {self.address}:{self.port} does not come up; is the port in use?")
        return self

    def accepts(self):
        if self.process.poll() is not None:
            return False
        with socket.socket(family_of(self.address)) as s:
            s.settimeout(0.5)
            return s.connect_ex((self.address, self.port)) == 0

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def serve_backend(address, port):
    class Server(ThreadingHTTPServer):
        address_family = family_of(address)
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 128  # what connects while it does not run is not refused for that
    Server((address, int(port)), _Handler).serve_forever()


# ---- nodes ----

class Node:
    """One gemeld with all its processes, in a process group of its own."""

    def __init__(self, gemeld, config, name, server=None, log=None):
        self.gemeld, self.config, self.name, self.server = gemeld, config, name, server
        self.log_path = log or os.path.join(os.path.dirname(config), f"{name}.log")
        self.process = None

    def start(self, ready=20.0):
        self.seen = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.gemeld, "-c", self.config, "-n", self.name], stderr=log, stdout=log,
                                            start_new_session=True)
        if ready and not self.wait_log("process=supervisor message=ready", ready):
            raise RuntimeError(f"{self.name} did not become ready:\n{self.log()}")
        return self

    def log(self):
        """What it logged since its last start, in whole lines: of one that is just being written a reader may see a part."""
        with open(self.log_path, "rb") as f:
            f.seek(self.seen)
            text = f.read()
        return text[:text.rfind(b"\n") + 1].decode("utf-8", "replace")

    def said(self):
        """The same with its sentences as they were meant: without what stands before their quotes."""
        return self.log().replace('\\"', '"')

    def wait_log(self, text, seconds):
        return wait_until(lambda: text in self.log() or (self.process.poll() is not None and False), seconds, 0.002)

    def below(self):
        """The pids of the supervisor's children. /proc may miss one while another goes, which then is not there the next time:
        what it says twice is all."""
        def read():
            try:
                with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                    return f.read().split()
            except OSError:
                return []
        pids = read()
        while (again := read()) != pids:
            pids = again
        return pids

    def lasting(self):
        """The children but for a loader, which ends by itself when what it loaded is saved; from when those that each server has
        are there."""
        def there():
            found = {role: pid for role, pid in self.children().items() if role != "loader"}
            return found if {"responder", "coordinator", "prober"} <= set(found) else None
        return wait_until(there, 30) or {}

    def children(self):
        """{role: pid} of the living processes below the supervisor."""
        return dict(self.roles())

    def roles(self):
        """The same as pairs: while one leaves and another takes its place, a role is there twice."""
        found = []
        for pid in self.below():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if b"--child" in words:
                    found.append((words[words.index(b"--child") + 1].decode(), int(pid)))
            except (OSError, IndexError):
                pass
        return found

    def child(self, role):
        """The pid of one that is there; /proc may miss it while another goes."""
        pid = wait_until(lambda: self.children().get(role), 30)
        if not pid:
            raise RuntimeError(f"{self.name} has no {role}")
        return pid

    def kill_child(self, role):
        while True:
            pid = self.child(role)
            try:
                os.kill(pid, signal.SIGKILL)
                return pid
            except ProcessLookupError:  # it went by itself: the next one, then
                pass

    def group(self):
        """Every process of its group that lives, also without the supervisor: none is missed, as one of the children may be."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                    if int(f.read().rsplit(")", 1)[1].split()[2]) == self.process.pid and is_alive(pid):
                        found.append(int(pid))
            except (FileNotFoundError, ProcessLookupError):  # it goes before it is opened, or before it is read
                pass
        return found

    def kill(self):
        """kill -9 of every process of this node; none is left when it comes back."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            wait_until(lambda: not self.group(), 15)
            self.process = None

    def stop(self, seconds=15):
        """In good order; gives back the exit status."""
        if not self.process:
            return None
        self.process.terminate()
        try:
            status = self.process.wait(seconds)
        finally:
            self.kill()
        return status

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


def write_key(path):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(os.urandom(32).hex() + "\n")


class Scratch(tempfile.TemporaryDirectory):
    """A folder for one run; children that run as another user must be able to pass through it."""

    def __init__(self):
        super().__init__(prefix="gemel-")
        os.chmod(self.name, 0o755)

    def __enter__(self):
        return self

    def path(self, *parts):
        return os.path.join(self.name, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["backend"]:
        serve_backend(*sys.argv[2:4])
    else:
        sys.exit("usage: gemelkit.py backend ADDRESS PORT")
