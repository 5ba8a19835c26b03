"""Other servers, set up to load the same zones as load.py does: one worker each, no rate limit, no journal."""
import os
import shutil
import signal
import subprocess


class Peer:
    """A server in a folder of its own. command() writes its configuration and gives the words to start it by."""
    program = ""

    def __init__(self, folder, zones, names, port):
        self.folder, self.zones, self.names, self.port, self.process = folder, zones, names, port, None

    def installed(self):
        return shutil.which(self.program, path=os.environ["PATH"] + ":/usr/sbin") is not None

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)
        return os.path.join(self.folder, name)

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        words = self.command()
        with open(os.path.join(self.folder, "log"), "w") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})

    def pids(self):
        """Itself and all that it started, which share its session."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(pid)) == self.process.pid:
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Gdnsd(Peer):
    program = "gdnsd"

    def command(self):
        if not os.path.exists(os.path.join(self.folder, "zones")):
            os.symlink(self.zones, os.path.join(self.folder, "zones"))
        self.write("config", f"options => {{ listen => [ 127.0.0.1:{self.port} ], udp_threads => 1, tcp_threads => 1,\n"
                   f"  zones_rfc1035_threads => 1, run_dir => \"{self.folder}/run\", state_dir => \"{self.folder}/state\" }}\n")
        return ["gdnsd", "-c", self.folder, "start"]


class Nsd(Peer):
    program = "nsd"

    def command(self):
        zones = "".join(f"zone:\n  name: {z}\n  zonefile: {z}\n" for z in self.names)
        self.write("nsd.conf", f"""server:
  server-count: 1
  ip-address: 127.0.0.1
  port: {self.port}
  do-ip6: no
  username: ""
  chroot: ""
  database: ""
  pidfile: ""
  zonesdir: "{self.zones}"
  zonelistfile: "{self.folder}/zone.list"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
""" + zones)
        return ["nsd", "-d", "-c", os.path.join(self.folder, "nsd.conf")]


class Knot(Peer):
    program = "knotd"

    def command(self):
        os.makedirs(os.path.join(self.folder, "db"), exist_ok=True)
        self.write("knot.conf", f"""server:
  listen: 127.0.0.1@{self.port}
  rundir: "{self.folder}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{self.folder}/db"
template:
  - id: default
    storage: "{self.zones}"
    file: "%s"
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
""" + "".join(f"  - domain: {z}\n" for z in self.names))
        return ["knotd", "-c", os.path.join(self.folder, "knot.conf")]


PEERS = {"gdnsd": Gdnsd, "nsd": Nsd, "knot": Knot}
