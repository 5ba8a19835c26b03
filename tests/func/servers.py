"""Real servers from Debian for the tests of the bundled checks: each on loopback, unprivileged, with all it has in a folder of its own."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import threading

from gemelkit import free_port, read_tcp, wait_until

USER = "nobody" if os.geteuid() == 0 else None
AS_USER = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if USER else {}
PATIENCE_S = 60


def find(*names):
    """The first of these programs that is installed, or None."""
    for name in names:
        hits = [name] if os.path.isabs(name) and os.access(name, os.X_OK) else sorted(glob.glob(name))
        hits = hits or [p for p in [shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")] if p]
        if hits:
            return hits[-1]
    return None


class Server:
    """One server: subclasses say which program, what it is given and what is made before its first start."""
    programs = ()

    def __init__(self, scratch, name=None):
        self.name = name or type(self).__name__.lower()
        self.program = find(*self.programs)
        self.folder = scratch.path(self.name)
        self.address, self.port, self.process = "127.0.0.1", free_port(), None
        os.mkdir(self.folder)
        if USER:
            shutil.chown(self.folder, USER)

    def there(self):
        return self.program is not None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def run(self, *words, **more):
        """One command as the server's user; its output is shown when it fails."""
        done = subprocess.run(words, cwd=self.folder, **AS_USER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=PATIENCE_S, env=dict(os.environ, HOME=self.folder, LC_ALL="C"), **more)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stdout}")
        return done.stdout

    def prepare(self):
        pass

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, **AS_USER, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=dict(os.environ, HOME=self.folder, LC_ALL="C"))
        if not wait_until(self.ready, PATIENCE_S):
            with open(self.path("log"), errors="replace") as log:
                raise RuntimeError(f"{self.name} does not come up:\n{log.read()}")
        return self

    def ready(self):
        with socket.socket() as s:
            s.settimeout(0.5)
            return s.connect_ex((self.address, self.port)) == 0

    def signal(self, number):
        if self.process:
            os.killpg(self.process.pid, number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        if self.process:
            self.go_on()
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Nginx(Server):
    programs = ("nginx",)

    def command(self):
        config = self.write("nginx.conf", f"""
daemon off; pid {self.path('pid')}; error_log stderr; worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {self.path('b')}; proxy_temp_path {self.path('p')}; fastcgi_temp_path {self.path('f')};
  uwsgi_temp_path {self.path('u')}; scgi_temp_path {self.path('s')};
  server {{ listen {self.address}:{self.port}; location /healthz {{ return 200 "fine\\n"; }} location /sick {{ return 503; }} }} }}
""")
        return [self.program, "-c", config, "-p", self.folder, "-e", "stderr"]


class Redis(Server):
    programs = ("redis-server",)
    options = ()

    def command(self):
        return [self.program, "--bind", self.address, "--port", str(self.port), "--save", "", "--dir", self.folder, *self.options]


class RedisLocked(Redis):
    options = ("--requirepass", "secret")


class Postgres(Server):
    programs = ("/usr/lib/postgresql/*/bin/postgres", "postgres")

    def tool(self, name):
        return os.path.join(os.path.dirname(self.program), name)

    def prepare(self):
        self.run(self.tool("initdb"), "-D", self.path("data"), "-U", "owner", "-A", "trust", "--no-sync")
        with open(self.path("data", "pg_hba.conf"), "w") as f: # who is "watcher" comes in without a password, the others are asked
            f.write("host all watcher 127.0.0.1/32 trust\nhost all owner 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def command(self):
        return [self.program, "-D", self.path("data"), "-c", f"listen_addresses={self.address}", "-c", f"port={self.port}", "-c",
                f"unix_socket_directories={self.folder}", "-c", "fsync=off"]

    def ready(self):
        return subprocess.run([self.tool("pg_isready"), "-h", self.address, "-p", str(self.port), "-q"], check=False).returncode == 0

    def start(self):
        super().start()
        self.sql("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'watcher') THEN CREATE ROLE watcher LOGIN; END IF; END $$")
        return self

    def sql(self, text):
        self.run(self.tool("psql"), "-h", self.address, "-p", str(self.port), "-U", "owner", "-d", "postgres", "-q", "-c", text)

    def signal(self, number):
        if self.process:
            os.kill(self.process.pid, signal.SIGQUIT if number == signal.SIGKILL else number)


class Mariadb(Server):
    programs = ("mariadbd", "mysqld")

    def there(self):
        return super().there() and find("mariadb-install-db") is not None

    def prepare(self):
        self.run(find("mariadb-install-db"), "--no-defaults", f"--datadir={self.path('data')}", "--auth-root-authentication-method=normal",
                 "--skip-test-db")

    def command(self):
        user = self.write("init.sql", "CREATE USER IF NOT EXISTS watcher@'127.0.0.1';\n")
        return [self.program, "--no-defaults", f"--datadir={self.path('data')}", f"--port={self.port}", f"--bind-address={self.address}",
                f"--socket={self.path('sock')}", f"--pid-file={self.path('pid')}", f"--init-file={user}", "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M"]


class Exim(Server):
    """Exim as inetd would start it, one process a connection and over pipes: as a daemon, or on a socket, it asks for root."""
    programs = ("exim4", "exim")

    def prepare(self):
        os.chmod(self.folder, 0o755)
        self.config = self.write("exim.conf", f"""
primary_hostname = mx.example.test
spool_directory = {self.path('spool')}
log_file_path = {self.path('log.%s')}
keep_environment =
tls_advertise_hosts =
smtp_banner = mx.example.test ready
acl_smtp_rcpt = deny
""")

    def start(self):
        server = self

        class Session(socketserver.BaseRequestHandler):
            def handle(self):
                with subprocess.Popen([server.program, "-C", server.config, "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                      stderr=subprocess.DEVNULL, **AS_USER) as exim:
                    threading.Thread(target=self.listen, args=(exim.stdin,), daemon=True).start()
                    with contextlib.suppress(OSError):  # who asks may leave before the last word
                        while said := exim.stdout.read(4096):
                            self.request.sendall(said)

            def listen(self, into):
                with contextlib.suppress(OSError), into:
                    while heard := self.request.recv(4096):
                        into.write(heard)

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 64  # those that came while it pauses, and left, are in it too

        self.listener = Listener((self.address, self.port), Session)
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()
        self.process = self.listener
        return self

    def pause(self):
        self.listener.shutdown()  # connections are still taken by the kernel, and nobody speaks

    def go_on(self):
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self):
        if self.process:
            self.listener.shutdown()
            self.listener.server_close()
            self.process = None


class Nsd(Server):
    programs = ("nsd",)

    def command(self):
        self.write("example.test.zone", "$TTL 60\n@ SOA ns1 hostmaster 2026112101 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
                   "www A 192.0.2.10\n" + "".join(f'big TXT "{i:03}{"x" * 200}"\n' for i in range(20)))
        config = self.write("nsd.conf", f"""
server:
  ip-address: {self.address}@{self.port}
  username: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.path('pid')}"
  zonelistfile: "{self.path('zones')}"
  xfrdfile: "{self.path('xfrd')}"
  xfrdir: "{self.folder}"
  database: ""
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.zone
""")
        return [self.program, "-d", "-c", config]


class Haproxy(Server):
    """Watches an agent of ours, so that what it makes of the agent's words can be compared."""
    programs = ("haproxy",)
    agent_port = 0

    def command(self):
        config = self.write("haproxy.cfg", f"""
global
  stats socket {self.path('sock')} level admin
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend in
  bind {self.address}:{self.port}
  default_backend app
backend app
  server one 127.0.0.1:{self.agent_port} weight 100 agent-check agent-port {self.agent_port} agent-inter 100ms check port {self.agent_port} inter 500ms fall 1 rise 1
""")
        return [self.program, "-db", "-f", config]

    def row(self):
        """The one server's line of `show stat`, by column."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("sock"))
            s.sendall(b"show stat\n")
            text = b""
            while part := s.recv(65536):
                text += part
        lines = text.decode().lstrip("# ").splitlines()
        names = lines[0].split(",")
        return next(dict(zip(names, line.split(","))) for line in lines[1:] if line.startswith("app,one,"))


class Agent:
    """An agent that says `text` and closes."""

    def __init__(self):
        agent = self
        self.text = "up"

        class Session(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.sendall(agent.text.encode() + b"\n")

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 64

        self.listener = Listener(("127.0.0.1", 0), Session)
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self):
        self.listener.shutdown()
        self.listener.server_close()


class NameServer:
    """A name server whose manners are what the question's first label says."""

    def __init__(self):
        server = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                for reply in server.datagrams(self.request[0]):
                    self.request[1].sendto(reply, self.client_address)
                if server.habit(self.request[0]) == "stranger":
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                        other.sendto(server.answer(self.request[0]), self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError, EOFError):
                    server.stream(self.request, read_tcp(self.request))

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 64

        self.port = free_port()
        self.listeners = [socketserver.UDPServer(("127.0.0.1", self.port), Datagram), Listener(("127.0.0.1", self.port), Stream)]
        for listener in self.listeners:
            threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def habit(query):
        return query[13:13 + query[12]].decode()

    @staticmethod
    def question(query):
        end = 12
        while query[end]:
            end += 1 + query[end]
        return query[12:end + 5]

    def answer(self, query, flags=0x8400, records=(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",)):
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + self.question(query) + b"".join(records)

    def datagrams(self, query):
        good, habit = self.answer(query), self.habit(query)
        wrong_number = bytes([good[0] ^ 1]) + good[1:]
        cut = self.answer(query, 0x8600, ())
        return {
            "late": [wrong_number, good[:13] + b"0" + good[14:], good[:2] + b"\x04" + good[3:], b"", b"\0" * 12, good],
            "cut": [cut], "drip": [cut], "slam": [cut], "other": [cut], "silent": [], "stranger": [],
            "number": [wrong_number] * 20,
            "loop": [self.answer(query, records=(b"\xc0" + bytes([12 + len(self.question(query))]) + b"\0\x01\0\x01\0\0\0\x3c\0\0",))],
            "long": [self.answer(query, records=(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x09\xc0\0\x02\x01",))],
            "rest": [good + b"x"],
            "many": [self.answer(query, records=(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",) * 300)],
            "formerr": [query[:2] + b"\x80\x01" + b"\0" * 8],
        }.get(habit, [good])

    def stream(self, sock, query):
        good = self.answer(query)
        framed = struct.pack(">H", len(good)) + good
        if self.habit(query) == "drip":
            for i in range(len(framed)):
                sock.sendall(framed[i:i + 1])
        elif self.habit(query) == "slam":
            sock.sendall(framed[:20])
        elif self.habit(query) == "other":
            sock.sendall(framed[:2] + bytes([good[0] ^ 1]) + good[1:])
        else:
            sock.sendall(framed)

    def kill(self):
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()
