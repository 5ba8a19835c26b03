"""Hostile back ends beside healthy ones: what a target does costs its own probe only.

Each of five ways to misbehave under each of four checks, beside as many healthy back ends under the same checks and in the same
prober: no healthy one flips, each hostile one is told with its reason, and the prober's memory stays bounded.
"""
import asyncio
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

if __name__ == "__main__" and sys.argv[1:2] == ["serve"]:
    Case = object  # the servers need nothing of the kit
else:
    from func import PATIENCE_S, Case, main
    from gemelkit import free_port, wait_until

WAYS = ("close", "reset", "drip", "header", "flood")
CHECKS = ("tcp", "http", "body", "tls")
GOOD_EACH = 5
TIMEOUT_S = 3.0  # the healthy are processes, too, and may have to wait for their turn
WATCHED_S = 6
MEMORY_KIB = 32768  # of the prober, at its peak: 11 MiB were seen

# What may be said of each; a peer that closes with octets unread resets, so both words are right there.
GONE = ("connection closed", "connection reset", "write failed", "connect reset", "TLS failed")
SLOW = ("read timeout", "TLS timeout", "check timeout")
EXPECT = {way: {check: ("down", GONE) for check in CHECKS} for way in ("close", "reset")}
EXPECT["drip"] = {check: ("down", SLOW) for check in CHECKS}
EXPECT["header"] = {"tcp": ("down", ("wrong reply",)), **{c: ("down", ("HTTP broken",)) for c in ("http", "body", "tls")}}
# The status is all that two of them ask for: a large body is no fault.
EXPECT["flood"] = {"tcp": ("down", ("wrong reply",)), "body": ("down", ("wrong reply",)), "http": ("up", ("ok",)), "tls": ("up", ("ok",))}


def address(kind, number):
    return f"127.0.{50 + kind}.{number + 1}"


# ---- the servers, in a process of their own ----

async def write_for_ever(writer, head, block):
    """Ten gigabytes, or until the other side has had enough; the kernel's window is what paces it."""
    writer.write(head)
    for _ in range((10 << 30) // len(block)):
        writer.write(block)
        await writer.drain()
        await asyncio.sleep(0)


async def drip(writer, data):
    for octet in data:
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(1)


async def behave(way, reader, writer):
    if way == "good":
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhealth")
        await writer.drain()
    elif way == "reset":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif way == "drip":
        await drip(writer, b"HTTP/1.1 200 Fine\r\nX: " + b"x" * 1000)
    elif way == "hello":  # a record of a handshake, as long as one may be
        await drip(writer, b"\x16\x03\x03\x40\x00" + bytes(1000))
    elif way == "header":
        await write_for_ever(writer, b"HTTP/1.1 200 Fine\r\n", b"X-Endless: " + b"x" * 1000 + b"\r\n")
    elif way == "flood":
        await write_for_ever(writer, b"HTTP/1.1 200 Fine\r\nContent-Length: %d\r\n\r\n" % (10 << 30), b"y" * 65536)


def handler(way):
    async def handle(reader, writer):
        try:
            await behave(way, reader, writer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    return handle


async def serve(places, folder):
    """places: [way, address, port, secure]. What closes, resets or drips under TLS does so in the handshake: it has no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    for way, host, port, secure in places:
        in_tls = secure and way in ("good", "header", "flood")
        await asyncio.start_server(handler("hello" if secure and way == "drip" else way), host, port, ssl=context if in_tls else None,
                                   backlog=128)
    print("ready", flush=True)
    await asyncio.Event().wait()


# ---- the test ----

class HostileTargets(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=x", "-keyout", self.scratch.path("key.pem"), "-out", self.scratch.path("cert.pem")], check=True, capture_output=True)
        places = [(way, address(i, k), self.port, check == "tls") for i, check in enumerate(CHECKS) for k, way in enumerate(WAYS)]
        places += [("good", address(10 + i, k), self.port, check == "tls") for i, check in enumerate(CHECKS) for k in range(GOOD_EACH)]
        # A process each, so that a flood slows no other back end by way of its own process.
        for way in (*WAYS, "good"):
            self.start_servers([p for p in places if p[0] == way])
        self.solo = self.node(self.single_config(self.services()), "solo")

    def start_servers(self, places):
        server = subprocess.Popen([sys.executable, os.path.abspath(__file__), "serve", json.dumps(places), self.scratch.path("")],
                                  stdout=subprocess.PIPE)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdout.close()))
        self.assertEqual(server.stdout.readline(), b"ready\n")

    def services(self):
        common = f'interval = "200ms", timeout = "{int(TIMEOUT_S * 1000)}ms", fall = 2, rise = 2, retry = "100ms"'
        text = f"""
check "tcp" {{ script = "tcp", args = {{ port = {self.port}, send = "GET / HTTP/1.0\\r\\n\\r\\n", expect = "200 OK" }}, {common} }}
check "http" {{ script = "http", args = {{ port = {self.port} }}, {common} }}
check "body" {{ script = "http", args = {{ port = {self.port}, contains = "health" }}, {common} }}
check "tls" {{ script = "http", args = {{ port = {self.port}, tls = true, verify = false }}, {common} }}
"""
        for i, check in enumerate(CHECKS):
            for kind, count in ((i, len(WAYS)), (10 + i, GOOD_EACH)):
                name = f"{check}-{'good' if kind >= 10 else 'bad'}.example.test"
                members = ", ".join(f'"{address(kind, k)}"' for k in range(count))
                text += f'service "{name}" {{ check = "{check}", tiers = {{ {{ {members} }} }} }}\n'
        return text

    def members(self, service):
        status, out, err = self.ctl("solo", "--json", "service", f"{service}.example.test")
        self.assertEqual(status, 0, err)
        return json.loads(out)["members"]

    def healthy(self):
        """The states of all that must never flip."""
        return [m["state"] for check in CHECKS for m in self.members(f"{check}-good")]

    def verdicts(self):
        """Every verdict on a healthy one that was ever logged: what a look at the states now and then would miss."""
        return [line for line in self.solo.log().splitlines() if "event=verdict" in line and "-good.example.test" in line]

    def hostile_differs(self):
        """What is not yet as it must be."""
        wrong = []
        for check in CHECKS:
            for way, m in zip(WAYS, self.members(f"{check}-bad")):
                state, reasons = EXPECT[way][check]
                if m["state"] != state or not m["reason"].startswith(reasons):
                    wrong.append(f"{check}, {way}: {m['state']}, {m['reason']}; expected {state}, {' or '.join(reasons)}")
        return wrong

    def assert_hostile_found(self):
        if not wait_until(lambda: not self.hostile_differs(), PATIENCE_S):
            self.fail_with_logs("\n".join(self.hostile_differs()))

    def peak_kib(self):
        with open(f"/proc/{self.solo.child('prober')}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))

    def test_each_costs_its_own_probe_only(self):
        self.assert_soon(lambda: set(self.healthy()) == {"up"}, "the healthy ones are up")
        prober = self.solo.child("prober")
        self.assert_hostile_found()
        end = time.monotonic() + WATCHED_S  # a span of hostility, in which nothing may happen: there is no condition to wait for
        while time.monotonic() < end:
            self.assertEqual(set(self.healthy()), {"up"}, "a healthy one flipped")
            time.sleep(0.2)
        self.assertEqual(len(self.verdicts()), len(CHECKS) * GOOD_EACH, self.verdicts())  # one each, its first: up
        self.assert_hostile_found()
        self.assertEqual(self.solo.child("prober"), prober, "the prober was never restarted")
        if os.environ.get("SANITIZED") != "yes":
            self.assertLess(self.peak_kib(), MEMORY_KIB, "the prober's memory in KiB")
        if os.environ.get("GEMEL_TELL"):
            took = [m["took_us"] for check in CHECKS for m in self.members(f"{check}-good")]
            print(f"peak {self.peak_kib()} KiB; healthy probes took {sorted(took)[len(took) // 2]} us, at most {max(took)} us")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(json.loads(sys.argv[2]), sys.argv[3]))
    else:
        main()
