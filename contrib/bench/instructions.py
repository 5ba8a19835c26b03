#!/usr/bin/env python3
"""Instructions of user space that an answer takes, counted and not timed: Gemel's responder beside gdnsd.

    instructions.py BUILD [--servers gemel,gdnsd] [--kinds a,mix,...] [--queries 9600] [--big 100000]

Both run under callgrind with one UDP worker and the same zones (of the peer: where it is installed); the C library counts, the
kernel does not.  Each kind of query is measured on its own, by two runs of which one answers more: their difference is divided
by the difference of answers, so that the load does not count.  How many instructions a batch costs depends on how many queries wait when it is read, so that is not left to
chance: a server is stopped, a burst is put into its socket, and it goes on.  Each then reads the largest batches it can: a burst
is a multiple of both 64 (Gemel's) and 16 (gdnsd's).  Every answer's rcode and number of records is checked.
Figures are exact up to a few instructions: hash keys, and with them collisions, differ between runs.
"""
import argparse
import glob
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "py"))
from gemelkit import Node, Scratch, encode_query, free_port, progress, wait_until  # noqa: E402  (needs the path above)

ADDRESS = "127.0.0.1"
BURST = 192        # what a default socket buffer holds
WARM_UP = 5        # bursts
HOSTS = 1000
SERVICES = 100
PATIENCE_S = 40
WORDS = ["www", "mail", "api", "cdn", "edge", "static", "app", "db", "login", "img"]
NOERROR, NXDOMAIN = 0, 3


# ---- zones and queries ----

def host(i):
    return f"{WORDS[i % 10]}{i}" if i % 3 else f"{WORDS[i % 10]}-{i:05d}.dc{i % 4}"


def big_host(i):
    return f"h{i * 2654435761 & 0xffffffff:08x}"


def v4(net, i):
    return f"{net}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def pair(i):
    return f"127.1.{i >> 8}.{i & 255}", f"127.2.{i >> 8}.{i & 255}"


def head(zone):
    return (f"$TTL 3600\n$ORIGIN {zone}.\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\n@ IN NS ns2\n"
            "ns1 IN A 192.0.2.1\nns1 IN AAAA 2001:db8::1\nns2 IN A 192.0.2.2\nns2 IN AAAA 2001:db8::2\n")


def write_small(path):
    with open(path, "w") as f:
        f.write(head("small.test") + '@ IN MX 10 mx1\n@ IN MX 20 mx2\n@ IN TXT "v=spf1 mx -all"\nmx1 IN A 192.0.2.11\n'
                "mx2 IN A 192.0.2.12\nweb IN CNAME host\nhost IN A 192.0.2.13\n*.wild IN A 192.0.2.14\nsub IN NS ns1.sub\n"
                "sub IN NS ns2.sub\nns1.sub IN A 192.0.2.21\nns2.sub IN A 192.0.2.22\n")
        for i in range(HOSTS):
            f.write(f"{host(i)} IN A {v4(10, i)}\n{host(i)} IN AAAA 2001:db8::{i:x}\n")


def write_live(path, server):
    """Names of two addresses each, sN static and dN checked; where these come from differs."""
    with open(path, "w") as f:
        f.write(head("live.test").replace("3600\n", "30\n", 1))
        f.write("@ IN MX 10 d0\n@ IN MX 20 d1\n")
        for i in range(SERVICES):
            a, b = pair(i)
            f.write(f"s{i} IN A {a}\ns{i} IN A {b}\n")
            f.write(f"d{i} 30/30 DYNA multifo!d{i}\n" if server == "gdnsd" else f"d{i} IN A {a}\nd{i} IN A {b}\n")


def write_big(path, count):
    with open(path, "w") as f:
        f.write(head("big.test"))
        for i in range(count):
            f.write(f"{big_host(i)} IN A {v4(10, i)}\n")


def kinds(big):
    """name: (draw a query, rcode, records in the answer section; None = any)"""
    r = random.Random(1)
    plain = lambda t: (lambda: (f"{host(r.randrange(HOSTS))}.small.test", t))
    nx = lambda: (f"nx{r.randrange(10 ** 6)}.small.test", "A")
    wild = lambda: (f"w{r.randrange(10 ** 6)}.wild.small.test", "A")
    sub = lambda: (f"h{r.randrange(1000)}.sub.small.test", "A")
    others = [lambda: ("small.test", "MX"), lambda: ("small.test", "TXT"), lambda: ("small.test", "NS"),
              lambda: ("small.test", "SOA"), lambda: ("web.small.test", "A"), wild, sub, lambda: ("mx1.small.test", "AAAA")]

    def mix():
        x = r.random()
        if x < 0.9:
            return plain("A" if x < 0.8 else "AAAA")()
        return nx() if x < 0.95 else r.choice(others)()

    return {
        "mix": (mix, None, None),
        "a": (plain("A"), NOERROR, 1),
        "aaaa": (plain("AAAA"), NOERROR, 1),
        "pair": (lambda: (f"s{r.randrange(SERVICES)}.live.test", "A"), NOERROR, 2),
        "live": (lambda: (f"d{r.randrange(SERVICES)}.live.test", "A"), NOERROR, 2),
        "mx": (lambda: ("small.test", "MX"), NOERROR, 2),
        "mxlive": (lambda: ("live.test", "MX"), NOERROR, 2),
        "nxdomain": (nx, NXDOMAIN, 0),
        "wildcard": (wild, NOERROR, 1),
        "referral": (sub, NOERROR, 0),
        "cname": (lambda: ("web.small.test", "A"), NOERROR, None),  # gdnsd gives the alias alone
        "big": (lambda: (f"{big_host(r.randrange(big))}.big.test", "A"), NOERROR, 1),
    }


# ---- servers under callgrind ----

class Server:
    def __init__(self, scratch, backend_port, big):
        self.scratch, self.backend_port, self.port = scratch, backend_port, free_port(ADDRESS)
        self.zones = scratch.path(self.name)
        os.mkdir(self.zones)
        write_small(os.path.join(self.zones, "small.test"))
        write_live(os.path.join(self.zones, "live.test"), self.name)
        write_big(os.path.join(self.zones, "big.test"), big)
        os.mkdir(scratch.path("counts"))
        os.chmod(scratch.path("counts"), 0o777)  # children of root's run as another user
        self.counts = scratch.path("counts", f"{self.name}.%p")

    def valgrind(self, *more):
        return ["valgrind", "--tool=callgrind", "--vgdb=no", "--separate-threads=yes", f"--callgrind-out-file={self.counts}", *more]

    def has_ended(self):
        return self.process.poll() is not None

    def instructions(self):
        """Ends the server. The thread that answers over UDP is the one beside the main thread that calls recvmmsg."""
        pid = self.pid()
        self.process.terminate()
        found = wait_until(lambda: self.read_counts(pid), PATIENCE_S, 0.1)
        if not found:
            raise RuntimeError(f"callgrind left no count of {self.name}'s worker")
        return found

    def read_counts(self, pid):
        for path in glob.glob(self.counts.replace("%p", f"{pid}-*")):
            with open(path) as f:
                text = f.read()
            if not path.endswith("-01") and "recvmmsg" in text and "\ntotals:" in text:
                return int(text.rsplit("\ntotals:", 1)[1].split()[0])
        return None

    def threads_are_stopped(self):
        states = []
        for path in glob.glob(f"/proc/{self.pid()}/task/*/stat"):
            with open(path) as f:
                states.append(f.read().rsplit(")", 1)[1].split()[0])
        return all(s == "T" for s in states)


class Gemel(Server):
    name = "gemel"

    def __init__(self, build, scratch, backend_port, big):
        super().__init__(scratch, backend_port, big)
        os.environ.setdefault("GEMEL_LUA_DIR", os.path.join(HERE, "..", "..", "lua"))
        config = [f'node "n" {{ listen = {{ "{ADDRESS}:{self.port}" }}, control = "{scratch.path("ctl")}",',
                  f'           state = "{scratch.path("state")}", workers = 1 }}', "limits { rrl = false }",
                  f'zones "{self.zones}"',
                  f'check "tcp" {{ script = "tcp", args = {{ port = {backend_port} }}, interval = 5, timeout = 3 }}']
        os.mkdir(scratch.path("state"))
        config += [f'service "d{i}.live.test" {{ check = "tcp" }}' for i in range(SERVICES)]
        # Only the responder is counted; the others run as they are.
        skip = ",".join(f"*{role}*" for role in ("loader", "coordinator", "prober"))
        self.node = Node("valgrind", scratch.write("gemel.lua", "\n".join(config) + "\n"), "n")
        self.argv = self.valgrind("--trace-children=yes", f"--trace-children-skip-by-arg={skip}", os.path.join(build, "gemeld"))

    def start(self):
        log = open(self.scratch.path("gemel.log"), "wb")
        self.process = self.node.process = subprocess.Popen(self.argv + ["-c", self.node.config, "-n", "n"], stdout=log, stderr=log,
                                             start_new_session=True)

    def pid(self):
        return self.node.children()["responder"]

    def stop(self):
        self.node.kill()


class Gdnsd(Server):
    name = "gdnsd"

    def __init__(self, build, scratch, backend_port, big):
        super().__init__(scratch, backend_port, big)
        self.folder = scratch.path("gdnsd.d")
        os.mkdir(self.folder)
        os.symlink(self.zones, os.path.join(self.folder, "zones"))
        members = "\n".join("    d%d => { service_types => tcp, a => %s, b => %s }" % (i, *pair(i)) for i in range(SERVICES))
        scratch.write("gdnsd.d/config", (
            f"options => {{\n  listen => [ {ADDRESS}:{self.port} ]\n  udp_threads => 1\n  tcp_threads => 1\n"
            f"  zones_rfc1035_threads => 1\n  run_dir => \"{self.folder}/run\"\n  state_dir => \"{self.folder}/state\"\n}}\n"
            f"service_types => {{ tcp => {{ plugin => tcp_connect, port => {backend_port}, interval => 5, timeout => 3 }} }}\n"
            f"plugins => {{ multifo => {{\n{members}\n}} }}\n"))

    def start(self):
        log = open(self.scratch.path("gdnsd.log"), "wb")
        self.process = subprocess.Popen(self.valgrind(shutil.which("gdnsd"), "-c", self.folder, "start"), stdout=log, stderr=log,
                                        start_new_session=True)

    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- counting ----

class Target:
    """What checks connect to: all at once at the start, so it needs a long queue."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("0.0.0.0", 0))
        self.socket.listen(4096)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.socket.accept()[0].close()



class Client:
    def __init__(self, server):
        self.server, self.ident = server, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((ADDRESS, server.port))

    def answers_right(self, name, qtype, rcode, records):
        self.socket.settimeout(0.5)
        try:
            self.socket.send(encode_query(name, qtype, ident=0))
            return self.is_right(self.socket.recv(4096), rcode, records)
        except OSError:
            return False

    @staticmethod
    def is_right(reply, rcode, records):
        _, flags, _, an, _, _ = struct.unpack(">HHHHHH", reply[:12])
        return (rcode is None or flags & 15 == rcode) and (records is None or an == records)

    def burst(self, kind):
        """Puts a burst into the socket of the stopped server, lets it go on, and takes all answers."""
        draw, rcode, records = kind
        pid = self.server.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            if not wait_until(self.server.threads_are_stopped, PATIENCE_S, 0.0005):
                raise RuntimeError(f"{self.server.name} does not stop")
            for i in range(BURST):
                self.socket.send(encode_query(*draw(), ident=i))
        finally:
            os.kill(pid, signal.SIGCONT)
        self.socket.settimeout(PATIENCE_S)
        for _ in range(BURST):
            if not self.is_right(self.socket.recv(4096), rcode, records):
                raise RuntimeError(f"{self.server.name} gave a wrong answer")


def count(server, name, kind, bursts):
    """Instructions of the thread that answers, from the start to the end."""
    client = Client(server)
    # Each checked name has an answer only when its first check is done. What was right is not asked again: it would count.
    waiting = [(f"d{i}.live.test", "A") for i in range(SERVICES)] if name == "live" else [kind[0]()]

    def is_ready():
        while waiting and client.answers_right(*waiting[-1], *kind[1:]):
            waiting.pop()
        return not waiting or server.has_ended()

    server.start()
    try:
        if not wait_until(is_ready, PATIENCE_S, 0.1) or server.has_ended():
            raise RuntimeError(f"{server.name} does not answer '{name}' as it should")
        for _ in range(bursts):
            client.burst(kind)
        return server.instructions()
    finally:
        server.stop()


def measure(make, name, kind, queries, keep):
    """Instructions an answer."""
    totals = []
    for bursts in (WARM_UP, WARM_UP + queries // BURST):
        with Scratch() as scratch:
            totals.append(count(make(scratch), name, kind, bursts))
            for path in glob.glob(scratch.path("counts", "*")) if keep else []:
                shutil.copy(path, os.path.join(keep, f"{name}.{os.path.basename(path)}"))
    return (totals[1] - totals[0]) / (queries // BURST * BURST)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--servers", default="gemel,gdnsd")
    p.add_argument("--kinds", default="")
    p.add_argument("--queries", type=int, default=50 * BURST)
    p.add_argument("--big", type=int, default=100000, help="names of the big zone")
    p.add_argument("--keep", default="", help="a folder to which callgrind's files are copied")
    a = p.parse_args()
    if a.queries < BURST:
        p.error(f"--queries {a.queries}; expected at least a burst of {BURST}")
    known = {"gemel": Gemel, "gdnsd": Gdnsd}
    servers = [s for s in a.servers.split(",") if s != "gdnsd" or shutil.which("gdnsd")]
    wanted = a.kinds.split(",") if a.kinds else list(kinds(a.big))
    every = kinds(a.big)
    target = Target()
    print("kind      " + "".join(f"{s:>10}" for s in servers) + ("     ratio" if len(servers) == 2 else ""), flush=True)
    for name in wanted:
        row = []
        for s in servers:
            big = a.big if name == "big" else 1
            progress(f"{name}, {s}: under valgrind, twice")
            row.append(measure(lambda scratch, s=s, big=big: known[s](a.build, scratch, target.port, big), name, every[name],
                               a.queries, a.keep))
        progress()
        print(f"{name:<10}" + "".join(f"{x:10.0f}" for x in row) +
              (f"{row[0] / row[1]:10.2f}" if len(row) == 2 else ""), flush=True)


main()
