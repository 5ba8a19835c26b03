"""Network namespaces that belong to a process which the test holds by a pipe: however the test ends, they end with it."""
import os
import shutil
import subprocess
import sys

import func  # noqa: F401  (it finds gemelkit)
from gemelkit import Node, wait_until

INSIDE = "GEMEL_TEST_SPACES"
SKIP = 77  # automake's word for it
TOOLS = ("unshare", "nsenter", "ip")
ENTER = ("--net", "--mount-proc", "--pid", "--fork", "--kill-child")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=60)


def enter_own():
    """Starts the calling program anew below a network and a process namespace: who kills it leaves no node, no device and no
    mount behind. Ends it as skipped where that cannot be. To be called first of all."""
    if INSIDE in os.environ:
        run("ip", "link", "set", "lo", "up")
        return
    enter = ["unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), *ENTER]
    probe = "ip link add v0 type veth peer name v1 && ip tuntap add dev t0 mode tun"
    if not all(shutil.which(w) for w in TOOLS) or subprocess.run([*enter, "sh", "-c", probe], capture_output=True,
                                                                 check=False).returncode:
        print("skipped: no network namespaces with veth and TUN devices can be made here")
        sys.exit(SKIP)
    os.execvpe("unshare", [*enter, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


class Namespace:
    """One more network namespace; enter is what stands before a command that runs in it."""

    def __init__(self, case):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        case.addCleanup(self.end)
        own = os.readlink("/proc/self/ns/net")
        if not wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, 10):
            raise RuntimeError("no network namespace came")
        self.pid = self.holder.pid
        self.enter = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        self.ip("link", "set", "lo", "up")

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()

    def ip(self, *words):
        run(*self.enter, "ip", *words)


def sockets_of(pid):
    """[(local, remote, state)] of TCP over IPv4 in the namespace of the process pid, as the kernel writes them."""
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as f:
        return [tuple(line.split()[1:4]) for line in f.readlines()[1:]]


def in_hex(address, port):
    return "".join(f"{int(b):02X}" for b in reversed(address.split("."))) + f":{port:04X}"


def is_listening(pid, address, port):
    """Whether somebody listens on TCP address:port (IPv4) in the namespace of the process pid."""
    return any(local == in_hex(address, port) and state == "0A" for local, _, state in sockets_of(pid))


def is_connected(pid, address, port):
    """Whether somebody there has a connection of which one end is address:port."""
    return any(in_hex(address, port) in (local, remote) and state == "01" for local, remote, state in sockets_of(pid))


class NodeInside(Node):
    """A node in a namespace. before: words that stand before its command, after those that enter the namespace."""

    def __init__(self, space, *words, before=(), env=None, **more):
        super().__init__(*words, **more)
        self.space, self.before, self.env = space, before, env

    def start(self, ready=20.0):
        self.seen = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.space.enter, *self.before, self.gemeld, "-c", self.config, "-n", self.name],
                                            stderr=log, stdout=log, start_new_session=True, env={**os.environ, **(self.env or {})})
        if not self.wait_log("process=supervisor message=ready", ready):
            raise RuntimeError(f"{self.name} did not become ready:\n{self.log()}")
        return self
