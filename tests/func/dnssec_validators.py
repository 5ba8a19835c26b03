"""Two validators that share no code with Gemel or each other, set to one authoritative server and our own trust anchors:
unbound, a resolver, for questions by the thousand, and delv, one process a question."""
import os
import select
import shutil
import signal
import socket
import struct
import subprocess

import dnssec_zones as zones
import func  # noqa: F401  (says where gemelkit is)
from gemelkit import free_port, wait_until

TOOLS = ["unbound", "delv"]
OUTSTANDING = 100
PATIENCE_S = 20
RD_AD, AD, DO = 0x120, 0x20, 0x8000


def missing():
    return [t for t in TOOLS if not shutil.which(t, path=zones.PATH)]


def tops(world):
    """The zones with no other of them above."""
    return [z for z in world if z.anchor and not any(z.apex.endswith("." + o.apex) for o in world)]


def query(number, name, rtype, flags=0, do=True):
    head = struct.pack(">HHHHHH", number, flags, 1, 0, 0, 1)
    return head + zones.wire(name) + struct.pack(">HH", rtype, 1) + b"\0" + struct.pack(">HHIH", 41, 1232, DO if do else 0, 0)


def ask_all(address, questions, flags=0, do=True, patience=PATIENCE_S):
    """[(name, type)] to the answers' octets in that order, None for silence; always many outstanding."""
    out = [None] * len(questions)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.connect(address)
        sent, waiting = 0, set()
        while sent < len(questions) or waiting:
            while sent < len(questions) and len(waiting) < OUTSTANDING:
                s.send(query(sent & 0xFFFF, *questions[sent], flags, do))
                waiting.add(sent)
                sent += 1
            if not select.select([s], [], [], patience)[0]:
                break
            m = s.recv(65535)
            number = m[0] << 8 | m[1]
            at = next((w for w in waiting if w & 0xFFFF == number), None)
            if at is not None:
                out[at] = m
                waiting.discard(at)
    return out


class Unbound:
    def __init__(self, folder, upstream, world):
        """upstream: (address, port), which is asked for all zones; the anchors of those on top are trusted."""
        self.folder, self.upstream, self.world = folder, upstream, world
        self.address, self.process = ("127.0.0.1", free_port()), None
        os.makedirs(folder)

    def configuration(self):
        local = "".join(f'  local-zone: "{z.apex}." transparent\n' for z in self.world)
        anchors = "".join(f'  trust-anchor: "{z.anchor}"\n' for z in tops(self.world))
        stubs = "".join(f'stub-zone:\n  name: "{z.apex}"\n  stub-addr: {self.upstream[0]}@{self.upstream[1]}\n' for z in self.world)
        return f"""server:
  interface: 127.0.0.1@{self.address[1]}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/pid"
  use-syslog: no
  logfile: ""
  val-log-level: 2
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  qname-minimisation: no
  aggressive-nsec: no
  harden-below-nxdomain: no
  target-fetch-policy: "0 0 0 0 0"
  minimal-responses: no
  edns-buffer-size: 1232
  outgoing-range: 512
  num-queries-per-thread: 512
  local-zone: "{zones.FAR}" static
  local-zone: "test." transparent
{local}{anchors}{stubs}remote-control:
  control-enable: no
"""

    def start(self):
        conf = os.path.join(self.folder, "unbound.conf")
        with open(conf, "w") as f:
            f.write(self.configuration())
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen([shutil.which("unbound", path=zones.PATH), "-d", "-p", "-c", conf], cwd=self.folder,
                                            stdout=log, stderr=log, start_new_session=True)
        probe = [(zones.labels(self.world[0].apex), 6)]
        if not wait_until(lambda: self.is_up() and ask_all(self.address, probe, RD_AD, patience=1)[0], PATIENCE_S, 0.05):
            raise RuntimeError(f"unbound does not answer:\n{self.log()}")
        return self

    def is_up(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            return s.connect_ex(self.address) == 0

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def verdicts(self, questions):
        """"secure", "insecure", "bogus" (or not resolved at all) or "silent" for each. What it loses on the way, as unbound 1.17 does
        where it is kept from running for a while, it is asked again, as by any client, while that gets us further: what does not
        convince it, never will."""
        answers, lost, before = [None] * len(questions), list(range(len(questions))), None
        while lost and len(lost) != before:
            for i, m in zip(lost, ask_all(self.address, [questions[i] for i in lost], RD_AD)):
                answers[i] = m
            before, lost = len(lost), [i for i in lost if answers[i] is None]
        out = []
        for m in answers:
            if m is None:
                out.append("silent")
                continue
            flags = m[2] << 8 | m[3]
            out.append("bogus" if flags & 15 == 2 else "secure" if flags & AD else "insecure")
        return out


class Delv:
    def __init__(self, folder, server, world):
        self.server, self.world = server, tops(world)
        self.anchors = os.path.join(folder, "anchors")
        with open(self.anchors, "w") as f:
            f.write("trust-anchors {\n")
            for z in self.world:
                owner, _, _, tag, algorithm, digest_type, *digest = z.anchor.split()
                f.write(f'  {owner} static-ds {tag} {algorithm} {digest_type} "{"".join(digest)}";\n')
            f.write("};\n")

    def verdict(self, zone, name, rtype):
        """The first word of what delv says: "fully validated", "unsigned answer", or why not."""
        done = subprocess.run([shutil.which("delv", path=zones.PATH), f"@{self.server[0]}", "-p", str(self.server[1]), "-a", self.anchors,
                               f"+root={zone.apex}", zones.show(name), rtype], capture_output=True, text=True, check=False, timeout=30)
        said = [l for l in (done.stderr + done.stdout).splitlines() if l.startswith(";")]
        return "secure" if any("fully validated" in l for l in said) else \
            "insecure" if any("unsigned answer" in l for l in said) else "bogus: " + " ".join(said + done.stderr.splitlines())
