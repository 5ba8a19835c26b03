"""What keeps a server from starting is told in words that an operator can act on, and what root leaves behind keeps nobody out."""
import os
import shutil
import socket
import subprocess

from func import GEMELCTL, GEMELD, Case, main
from gemelkit import free_port, write_key

NOBODY = 65534


class Start(Case):
    def setUp(self):
        super().setUp()
        self.port, self.count = free_port(), 0

    def config(self, keys="", more="", listen=None):
        self.count += 1
        return self.scratch.write(f"gemel{self.count}.lua", f"""node "n" {{ id = 1, listen = "{listen or f'127.0.0.1:{free_port()}'}",
    control = "run/{self.count}.sock", {keys} }}
zone "example.test" {{ file = "example.test.zone" }}
{more}""")

    def refused(self, config, *texts, user=None):
        run = subprocess.run([GEMELD, "-c", config, "-n", "n"], capture_output=True, text=True, check=False, timeout=60, user=user)
        self.assertEqual(run.returncode, 1, run.stderr)
        for text in texts:
            self.assertIn(text, run.stderr)

    def start(self, config, user=None):
        """Gives back a running server's process, once it is ready."""
        log = open(self.scratch.path("log"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        server = subprocess.Popen([GEMELD, "-c", config, "-n", "n"], stderr=log, user=user, group=user, extra_groups=[] if user else None)

        def end():
            if server.poll() is None:
                server.terminate()
                server.wait(60)
        self.addCleanup(end)
        server.end = end

        def said():
            with open(log.name, encoding="utf-8") as f:
                return f.read()
        self.assert_soon(lambda: "message=ready" in said() or server.poll() is not None, "it is ready")
        self.assertIsNone(server.poll(), said())
        return server

    def test_what_another_server_has(self):
        config = self.config('state = "run/one"', listen=f"127.0.0.1:{self.port}")
        self.start(config)
        self.refused(self.config('state = "run/one"'), "another server uses the state folder", "run/one; expected that each has its own (state)")
        self.refused(self.config('state = "run/two"', listen=f"127.0.0.1:{self.port}"),
                     f"cannot listen on UDP 127.0.0.1:{self.port} (listen): Address already in use; another server is there (ss -lnp shows which)")
        self.refused(self.config(f'state = "run/two", http = "127.0.0.1:{self.port}"'),
                     f"cannot listen on TCP 127.0.0.1:{self.port} (http): Address already in use; another server is there")
        write_key(self.scratch.path("pair.key"))
        pair = f'node "m" {{ id = 2, peer = "127.0.0.1:{free_port()}" }}\npair {{ name = "p", key = "pair.key" }}\n'
        self.refused(self.config(f'state = "run/two", peer = "127.0.0.1:{self.port}"', pair),
                     f"cannot listen on UDP 127.0.0.1:{self.port} (peer): Address already in use; another server is there")

    def test_a_program_that_has_only_tcp(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.refused(self.config('state = "run/n"', listen=f"127.0.0.1:{self.port}"), f"cannot listen on TCP 127.0.0.1:{self.port} (listen): ")

    def test_no_such_key_file(self):
        pair = 'node "m" { id = 2, peer = "127.0.0.1:5402" }\npair { name = "p", key = "none.key" }\n'
        config = self.config('state = "run/n", peer = "127.0.0.1:5401"', pair)
        self.refused(config, f'{config}:5: cannot read the key file {self.scratch.path("none.key")}: No such file or directory; expected',
                     "gemelctl key new FILE")

    def test_no_such_configuration(self):
        self.refused("/nowhere/gemel.lua", "cannot read /nowhere/gemel.lua: No such file or directory; expected a configuration file")

    def as_nobody(self):
        """The scratch folder is open to all then."""
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        try:
            subprocess.run([GEMELD, "--version"], capture_output=True, check=True, user=NOBODY)
        except PermissionError:
            self.skipTest("the build folder is closed to others")
        os.chmod(self.scratch.path(), 0o755)
        os.makedirs(self.scratch.path("run"))
        os.chmod(self.scratch.path("run"), 0o777)

    def test_what_belongs_to_another(self):
        self.as_nobody()
        folder = self.scratch.path("run", "closed")
        os.mkdir(folder, 0o700)
        mine = f"expected that all there belongs to the user that gemeld runs as (now user number {NOBODY})"
        self.refused(self.config('state = "run/closed"'), f"cannot open the state folder {folder}: Permission denied; {mine}", user=NOBODY)
        os.chmod(folder, 0o755)
        self.refused(self.config('state = "run/closed"'), f"cannot open the lock in the state folder {folder}: Permission denied; {mine}", user=NOBODY)
        write_key(self.scratch.path("pair.key"))
        pair = 'node "m" { id = 2, peer = "127.0.0.1:5402" }\npair { name = "p", key = "pair.key" }\n'
        self.refused(self.config('state = "run/n", peer = "127.0.0.1:5401"', pair),
                     f"cannot read the key file {self.scratch.path('pair.key')}: Permission denied; expected that it belongs to the user that gemeld runs as",
                     user=NOBODY)
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
            if int(f.read()) > 53:
                self.refused(self.config('state = "run/n"', listen="127.0.0.77:53"),
                             "cannot listen on UDP 127.0.0.77:53 (listen): Permission denied; expected root, or CAP_NET_BIND_SERVICE", user=NOBODY)

    def test_a_key_file_of_a_third_user(self):
        """Only who may read all files comes so far without being root."""
        self.as_nobody()
        if not shutil.which("setpriv"):
            self.skipTest("setpriv is not installed")
        key = self.scratch.path("pair.key")
        write_key(key)
        pair = 'node "m" { id = 2, peer = "127.0.0.1:5402" }\npair { name = "p", key = "pair.key" }\n'
        config = self.config('state = "run/n", peer = "127.0.0.1:5401"', pair)

        def check(*become):
            return subprocess.run([*become, GEMELD, "-c", config, "-n", "n", "-t"], capture_output=True, text=True, check=False, timeout=60)
        reader = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        if subprocess.run([*reader, "cat", key], capture_output=True, check=False).returncode:
            self.skipTest("no capability can be handed on here")
        for owner, become, taken in ((0, reader, True), (NOBODY, reader, True), (1, reader, False), (1, (), True), (NOBODY, (), True)):
            with self.subTest(owner=owner, become=become):
                os.chown(key, owner, 0)
                run = check(*become)
                self.assertEqual(run.returncode, 0 if taken else 1, run.stderr)
                if not taken:
                    self.assertIn(f"{config}:5: the key file {key} belongs to user number {owner}; expected root or the user that reads it "
                                  f"(user number {NOBODY})", run.stderr)

    def test_root_first_and_then_another(self):
        self.as_nobody()
        config = self.config('state = "run/n", user = "nobody"')
        server = self.start(config)
        ask = subprocess.run([GEMELCTL, "-c", config, "-n", "n", "status"], capture_output=True, text=True, check=False, user=NOBODY)
        self.assertEqual(ask.returncode, 1)
        self.assertIn("Permission denied; expected root, or the user that gemeld runs as", ask.stderr)
        server.end()
        for _ in range(2):
            self.start(config, user=NOBODY).end()
            self.start(config).end()
        for name in os.listdir(self.scratch.path("run", "n")):
            self.assertEqual(os.stat(self.scratch.path("run", "n", name)).st_uid, NOBODY, name)


if __name__ == "__main__":
    main()
