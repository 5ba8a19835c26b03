"""The bundled checks against the real servers from Debian: up, paused, gone, and each with what it is asked to look for."""
import concurrent.futures
import json

from func import Case, main
from gemelkit import Scratch, wait_until
from servers import Agent, Exim, Haproxy, Mariadb, NameServer, Nginx, Nsd, Postgres, Redis, RedisLocked

KINDS = (Nginx, Redis, RedisLocked, Postgres, Mariadb, Exim, Nsd)

# name, server, script, arguments, state, a part of the reason
CASES = [
    ("tcp", "nginx", "tcp", "", "up", ""),
    ("http", "nginx", "http", 'path = "/healthz", contains = "fine"', "up", "HTTP 200"),
    ("http-503", "nginx", "http", 'path = "/sick"', "down", "HTTP status: 503, expected 2xx"),
    ("redis", "redis", "redis", "", "up", ""),
    ("redis-master", "redis", "redis", 'role = "master"', "up", "master"),
    ("redis-replica", "redis", "redis", 'role = "replica"', "down", "wrong reply: the role is master, expected replica"),
    ("redis-what", "redis", "redis", 'role = "king"', "unknown", 'check said unknown: role is "king"'),
    ("redis-noauth", "redislocked", "redis", "", "down", "wrong reply: NOAUTH"),
    ("redis-auth", "redislocked", "redis", 'password = "secret", role = "master"', "up", "master"),
    ("redis-badauth", "redislocked", "redis", 'password = "wrong\\r\\n"', "down", "wrong reply: WRONGPASS"),
    ("redis-http", "nginx", "redis", "", "down", "wrong reply: unexpected reply"),
    ("pg", "postgres", "postgres", "", "up", ""),
    ("pg-primary", "postgres", "postgres", 'user = "watcher", database = "postgres", role = "primary"', "up", "primary"),
    ("pg-standby", "postgres", "postgres", 'user = "watcher", database = "postgres", role = "standby"', "down", "this is not a standby"),
    ("pg-closed", "postgres", "postgres", 'role = "primary"', "down", "a password is asked for"),
    ("pg-http", "nginx", "postgres", "", "down", ""),
    ("mysql", "mariadb", "mysql", "", "up", "MariaDB"),
    ("mysql-user", "mariadb", "mysql", 'user = "watcher"', "up", "MariaDB"),
    ("mysql-nobody", "mariadb", "mysql", 'user = "stranger"', "down", "wrong reply: Access denied for user 'stranger'"),
    ("smtp", "exim", "smtp", "", "up", "mx.example.test ready"),
    ("smtp-tls", "exim", "smtp", "starttls = true", "down", "STARTTLS is not offered"),
    ("dns", "nsd", "dns", 'name = "www.example.test", address = "192.0.2.10", aa = true', "up", ""),
    ("dns-tcp", "nsd", "dns", 'name = "www.example.test", address = "192.0.2.10", tcp = true', "up", ""),
    ("dns-soa", "nsd", "dns", 'name = "example.test", serial = 2026112101', "up", "serial 2026112101"),
    ("dns-old", "nsd", "dns", 'name = "example.test", serial = 2026112102', "down", "wrong reply: the serial is 2026112101"),
    ("dns-nx", "nsd", "dns", 'name = "none.example.test"', "down", "wrong reply: NXDOMAIN, expected NOERROR"),
    ("dns-nx-wanted", "nsd", "dns", 'name = "none.example.test", rcode = "NXDOMAIN"', "up", ""),
    ("dns-other", "nsd", "dns", 'name = "www.example.test", address = "192.0.2.11"', "down", "192.0.2.11 is not in the answer"),
    ("dns-cut", "nsd", "dns", 'name = "big.example.test", type = "TXT"', "up", ""),
    ("dns-refused", "nsd", "dns", 'name = "elsewhere.test", rcode = "REFUSED"', "up", ""),
    ("smtp-redis", "redis", "smtp", "", "down", "read timeout"),
]


def prepared(server):
    server.prepare()
    return server.start()


class CheckCase(Case):
    def member(self, name):
        status, out, _ = self.ctl("solo", "--json", "service", f"{name}.example.test")
        return json.loads(out)["members"][0] if status == 0 else {"state": None, "reason": None}

    def is_so(self, name, state, reason):
        m = self.member(name)
        return m["reason"] and m["state"] == state and reason in m["reason"]

    def expect(self, name, state, reason):
        if not wait_until(lambda: self.is_so(name, state, reason), 30, 0.05):
            self.fail_with_logs(f"{name}: expected {state}, {reason}; is {self.member(name)}")


class Checks(CheckCase):
    """All servers and one node, made once: what is tested is what the node says of each."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Scratch()
        cls.addClassCleanup(cls.shared.cleanup)
        all_kinds = [kind(cls.shared) for kind in KINDS]
        cls.missing = [s.name for s in all_kinds if not s.there()]
        present = [s for s in all_kinds if s.there()]
        for s in present:
            cls.addClassCleanup(s.kill)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            cls.servers = {s.name: s for s in pool.map(prepared, present)}

    def setUp(self):
        super().setUp()
        self.cases = [c for c in CASES if c[1] in self.servers]
        body = ""
        for name, server, script, args, _, _ in self.cases:
            args = f"port = {self.servers[server].port}" + (", " + args if args else "")
            body += (f'service "{name}.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "{script}", args = {{ {args} }}, '
                     f'interval = "250ms", timeout = "1500ms", fall = 1, rise = 1 }} }}\n')
        self.node(self.single_config(body), "solo")

    def expect_all(self):
        for name, _, _, _, state, reason in self.cases:
            with self.subTest(name):
                self.expect(name, state, reason)

    def ups(self):
        return [(name, server) for name, server, _, _, state, _ in self.cases if state == "up"]

    def test_what_each_check_says(self):
        for name in self.missing:
            with self.subTest(name):
                self.skipTest(f"{name} is not installed")
        self.expect_all()
        for s in self.servers.values():
            s.pause()
        for name, _ in self.ups():
            with self.subTest(f"{name} paused"):
                self.expect(name, "down" if name != "tcp" else "up", "read timeout" if name != "tcp" else "")
        for s in self.servers.values():
            s.go_on()
        self.expect_all()
        if "postgres" in self.servers:
            self.no_connection_left()
        for s in self.servers.values():
            s.kill()
        for name, _ in self.ups():
            with self.subTest(f"{name} gone"):
                self.expect(name, "down", "connect refused")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda s: s.start(), self.servers.values()))
        self.expect_all()

    def no_connection_left(self):
        """The server greets and refuses: that is down, and its own words are the reason."""
        self.servers["postgres"].sql("ALTER ROLE watcher CONNECTION LIMIT 0")
        self.expect("pg-primary", "down", "too many connections")
        self.servers["postgres"].sql("ALTER ROLE watcher CONNECTION LIMIT -1")
        self.expect("pg-primary", "up", "primary")


class HostileNameServer(CheckCase):
    """What the first label of the question asks for is what the name server does."""
    HABITS = [
        ("good", "up", ""),
        ("late", "up", ""),                       # answers with a wrong number, name, type and without QR before the right one
        ("cut", "up", ""),                        # TC, and whole over TCP
        ("drip", "up", ""),                       # the same, over TCP octet by octet
        ("silent", "down", "read timeout"),
        ("number", "down", "read timeout"),       # never the right number
        ("stranger", "down", "read timeout"),     # the right answer from another port
        ("loop", "down", "wrong reply: malformed DNS answer"),
        ("long", "down", "wrong reply: malformed DNS answer"),
        ("rest", "down", "wrong reply: malformed DNS answer"),
        ("many", "down", "wrong reply: malformed DNS answer"),
        ("slam", "down", "connection closed"),    # TC, then the stream ends within the answer
        ("other", "down", "wrong reply: an answer to another question"),
        ("formerr", "down", "wrong reply: FORMERR, expected NOERROR"),
    ]

    def test_what_is_made_of_it(self):
        server = NameServer()
        self.addCleanup(server.kill)
        self.node(self.single_config("".join(
            f'service "{name}.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "dns", args = {{ port = {server.port}, '
            'address = "192.0.2.1" }, interval = "250ms", timeout = "1s", fall = 1, rise = 1 } }\n' for name, _, _ in self.HABITS)), "solo")
        for name, state, reason in self.HABITS:
            with self.subTest(name):
                self.expect(name, state, reason)
        self.assertNotIn("the prober died", self.nodes["solo"].log())


class HaproxyAgent(Case):
    """One agent, asked by HAProxy and by us: what it says must mean the same to both."""
    WORDS = [  # the agent's text, what haproxy shows of the server, its weight there, our state
        ("up", "UP", 100, "up"),
        ("75%", "UP", 75, "up"),
        ("drain", "DRAIN", None, "down"),
        ("ready", "UP", None, "up"),
        ("maint", "MAINT", None, "down"),
        ("ready up 100%", "UP", 100, "up"),
        ("down #disk full", "DOWN", None, "down"),
        ("up 50%, maxconn:30", "UP", 50, "up"),
        ("stopped", "DOWN", None, "down"),
    ]

    def test_the_same_to_both(self):
        agent = Agent()
        self.addCleanup(agent.kill)
        proxy = Haproxy(self.scratch)
        if not proxy.there():
            self.skipTest("haproxy is not installed")
        proxy.agent_port = agent.port
        self.addCleanup(proxy.kill)
        proxy.start()
        self.node(self.single_config(
            f'service "www.example.test" {{ tiers = {{ {{ "127.0.0.1" }} }}, check = {{ script = "haproxy_agent", args = {{ port = {agent.port} }}, '
            'interval = "100ms", timeout = "1s", fall = 1, rise = 1 }} }}\n'.replace("}}", "}")), "solo")
        for text, status, weight, state in self.WORDS:
            agent.text = text
            with self.subTest(text):
                self.assert_soon(lambda: self.ours(text) == state, f"{text}: we say {state}")
                self.assert_soon(lambda: proxy.row()["status"].startswith(status) and weight in (None, int(proxy.row()["weight"])),
                                 f"{text}: haproxy says {status} {weight}, not {proxy.row()['status']} {proxy.row()['weight']}")

    def ours(self, text):
        _, out, _ = self.ctl("solo", "--json", "service", "www.example.test")
        member = json.loads(out)["members"][0] if out else {}
        return member.get("state") if text.partition("#")[0].strip() in (member.get("reason") or "") else None


if __name__ == "__main__":
    main()
