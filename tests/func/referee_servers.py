"""Gemel and the referees NSD, Knot and BIND, each in the foreground with a configuration of its own, on loopback.

All are set to what Gemel does where that is a matter of taste: 1232 octets over UDP, no authority section with a positive
answer, one thread (so that answers come in order, and the machine is left to the others).
"""
import os
import shutil
import signal
import subprocess

import referee_zones as zones
from func import GEMELD
from gemelkit import Node, free_port, wait_until

PATIENCE_S = 20


class Server:
    """One server in a process group of its own."""
    program = None

    def __init__(self, folder, world):
        self.folder, self.world, self.port = folder, world, free_port()
        self.address, self.process = ("127.0.0.1", self.port), None
        os.makedirs(folder, exist_ok=True)

    @classmethod
    def found(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def zone_files(self):
        """[(apex text, file)], in the folder above, which all servers read."""
        return [(zones.text(z.apex), os.path.join(os.path.dirname(self.folder), f"zone{i}")) for i, z in enumerate(self.world)]

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            start_new_session=True)
        return self

    def log(self):
        with open(self.path("log"), errors="replace") as f:
            return f.read()

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None


class Nsd(Server):
    program, name = "nsd", "NSD"

    def command(self):
        blocks = "".join(f'zone:\n  name: "{apex}"\n  zonefile: "{file}"\n' for apex, file in self.zone_files())
        conf = self.write("nsd.conf", f"""server:
  ip-address: 127.0.0.1@{self.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  xfrdfile: "{self.path('xfrd')}"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.path('zones')}"
  pidfile: "{self.path('pid')}"
  cookie-secret-file: ""
  answer-cookie: no
  refuse-any: no
  round-robin: no
  minimal-responses: no
  ipv4-edns-size: 1232
  tcp-count: 50
  tcp-timeout: 60
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
{blocks}""")
        return [self.found(), "-d", "-c", conf]


class Knot(Server):
    program, name = "knotd", "Knot"

    def command(self):
        blocks = "".join(f'  - domain: "{apex}"\n    file: "{file}"\n' for apex, file in self.zone_files())
        conf = self.write("knot.conf", f"""server:
  rundir: "{self.folder}"
  listen: 127.0.0.1@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: 1232
  tcp-idle-timeout: 60
  tcp-io-timeout: 0
  tcp-remote-io-timeout: 0
control:
  listen: "{self.path('sock')}"
database:
  storage: "{self.folder}"
template:
  - id: default
    storage: "{self.folder}"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
{blocks}log:
  - target: stderr
    any: warning
""")
        return [self.found(), "-c", conf]


class Bind(Server):
    program, name = "named", "BIND"

    def command(self):
        blocks = "".join(f'zone "{apex}" {{ type primary; file "{file}"; }};\n' for apex, file in self.zone_files())
        conf = self.write("named.conf", f"""options {{
	directory "{self.folder}";
	pid-file "{self.path('pid')}";
	session-keyfile "{self.path('session.key')}";
	lock-file none;
	listen-on port {self.port} {{ 127.0.0.1; }};
	listen-on-v6 {{ none; }};
	recursion no;
	allow-query {{ any; }};
	allow-transfer {{ none; }};
	empty-zones-enable no;
	minimal-responses no-auth;
	max-udp-size 1232;
	edns-udp-size 1232;
	check-names primary ignore;
	check-integrity no;
	check-sibling no;
	check-wildcard no;
	check-mx ignore;
	check-mx-cname ignore;
	check-srv-cname ignore;
	check-spf ignore;
	check-dup-records ignore;
	notify no;
	answer-cookie no;
	dnssec-validation no;
	tcp-idle-timeout 600;
	max-records-per-type 0;
	max-types-per-name 0;
	rrset-order {{ order none; }};
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
view "in" IN {{
{blocks}}};
view "ch" CH {{ }};     // in place of the one that BIND brings, which drops most questions
""")
        return [self.found(), "-g", "-n", "1", "-c", conf]


class Gemel(Server):
    program, name = GEMELD, "Gemel"

    @classmethod
    def found(cls):
        return GEMELD

    def start(self):
        blocks = "".join(f'zone "{apex}" {{ file = "{file}" }}\n' for apex, file in self.zone_files())
        conf = self.write("gemel.lua", f'node "solo" {{ listen = {{ "127.0.0.1:{self.port}" }}, control = "run/solo.sock", '
                                       f'state = "run/solo", workers = 1 }}\n{blocks}')
        self.node = Node(GEMELD, conf, "solo", self.address, log=self.path("log"))
        self.node.start()
        self.process = self.node.process
        return self


REFEREES = [Nsd, Knot, Bind]


def missing():
    return [c.program for c in REFEREES if not c.found()]


def start_all(folder, world, is_ready):
    """Starts the four for these zones; is_ready(server) says when one answers. Gives back the servers, Gemel first."""
    os.makedirs(folder, exist_ok=True)
    for i, z in enumerate(world):
        with open(os.path.join(folder, f"zone{i}"), "w") as f:
            f.write(z.file())
    servers = [c(os.path.join(folder, c.name), world) for c in [Gemel] + REFEREES]
    for s in servers:
        os.chmod(s.folder, 0o755)
    try:
        for s in servers:
            s.start()
        for s in servers:
            if not wait_until(lambda s=s: is_ready(s), PATIENCE_S, 0.05):
                raise RuntimeError(f"{s.name} does not answer for its zones:\n{s.log()}")
    except BaseException:
        for s in servers:
            s.stop()
        raise
    return servers
