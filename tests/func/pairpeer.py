"""A peer of our own making, after doc/design/pair.md and nothing else: real packets to a real node, and whatever a later version, or
somebody who has gone mad, might put into them.

    p = Peer(key, "test", 2, ("127.0.0.1", 5402), 1, ("127.0.0.1", 5401))
    p.beat_until(lambda: p.holds_ours())       # a heartbeat every interval, and all that comes is read meanwhile
    p.write(VERDICT, key, value)               # goes with each heartbeat until the node says that it has it

What it does not do: TCP, relays, a state digest (the flag that says it has one stays off).
"""
import ctypes
import ctypes.util
import hashlib
import os
import socket
import struct
import time

BEAT, STREAM, PROBE, BYE = 1, 2, 3, 4
VERDICT, EFFECTIVE, ADMIN, NODE, ZONE, CONFIG, EVENT = range(1, 8)
DELTA, PULL = 1, 2
MUST = 0x8000
HEADER = struct.Struct(">4sBBBBBBHIQQ")
FIXED = struct.Struct(">QQQQQIIIHBBBBBBI")
ENTRY = struct.Struct(">BBHQQ")
ECHO = 2
TAG = 16
PACKET_MAX = 1232


def sodium():
    """The library, or None where it is not installed."""
    name = ctypes.util.find_library("sodium")
    return ctypes.CDLL(name) if name else None


def subkey(key, number, context, length=32):
    """libsodium's crypto_kdf: BLAKE2b with the id as its salt and the context as its person."""
    return hashlib.blake2b(digest_size=length, key=key, salt=struct.pack("<QQ", number, 0), person=context.ljust(16, b"\0")).digest()


def record_key(sort, octets):
    """The key of the record about something with a name."""
    return struct.unpack(">Q", hashlib.blake2b(sort.encode() + b"\0" + octets, digest_size=16).digest()[:8])[0]


def text(s):
    return struct.pack(">H", len(s)) + s.encode()


def target_key(address, script, arguments):
    """Of a verdict on an IPv4 address; arguments: {name: text or whole number}."""
    octets = b"\x04" + socket.inet_aton(address).ljust(16, b"\0") + bytes(2) + text(script)
    for name, value in sorted(arguments.items()):
        is_text = isinstance(value, str)
        octets += text(name) + (b"\x01" if is_text else b"\x02") + text(value if is_text else "") + struct.pack(">Q", 0 if is_text else value)
    return record_key("target", octets)


def tlv(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


class Peer:
    def __init__(self, key, cluster, self_id, address, node_id, node_address):
        self.lib = sodium()
        self.self_id, self.node_id, self.node_address = self_id, node_id, node_address
        self.send_key = subkey(key, self_id << 8 | node_id, b"GEMLpair")
        self.receive_key = subkey(key, node_id << 8 | self_id, b"GEMLpair")
        self.key_id = subkey(key, 2, b"GEMLhash", 16)[0]
        self.cluster = struct.unpack(">I", hashlib.blake2b(cluster.encode(), digest_size=32).digest()[:4])[0]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.starts = 0
        self.begin()

    def begin(self, **fields):
        """A new start, later than all before. fields: what heartbeats say from now on other than usual."""
        self.starts += 1
        self.boot = int.from_bytes(os.urandom(8), "big") | 1
        self.epoch = (100 + self.starts) << 32 | int.from_bytes(os.urandom(4), "big")
        self.counter = 0
        self.node_boot = 0
        self.echo = None                  # (its time stamp, when it came)
        self.heard = []                   # (plaintext's fields, length of the packet) of every packet that came
        self.records = {}                 # ours: (kind, key) -> (seq, value)
        self.seq = 1                      # the base is spent without a record
        self.held = (0, 0)                # how far we hold the node's shelf
        self.theirs = {}                  # the node's records: (kind, key) -> value
        self.covered = 0                  # how far the node holds ours
        self.last = {}
        self.fields = fields

    def close(self):
        self.socket.close()

    # ---- octets ----

    def seal(self, plain, **header):
        self.counter += 1
        h = {"version": 1, "type": BEAT, "key_id": self.key_id, "flags": 0, "src": self.self_id, "dst": self.node_id, **header}
        head = HEADER.pack(b"GEML", h["version"], h["type"], h["key_id"], h["flags"], h["src"], h["dst"], len(plain), self.cluster, self.boot,
                           self.counter)
        out = ctypes.create_string_buffer(len(plain) + TAG)
        self.lib.crypto_aead_xchacha20poly1305_ietf_encrypt(out, None, plain, ctypes.c_ulonglong(len(plain)), head,
                                                            ctypes.c_ulonglong(len(head)), None, head[8:32], self.send_key)
        return head + out.raw

    def open(self, packet):
        """The plaintext, or None where it is not the node's."""
        head, text = packet[:HEADER.size], packet[HEADER.size:]
        out = ctypes.create_string_buffer(max(len(text) - TAG, 1))
        if self.lib.crypto_aead_xchacha20poly1305_ietf_decrypt(out, None, None, text, ctypes.c_ulonglong(len(text)), head,
                                                               ctypes.c_ulonglong(len(head)), head[8:32], self.receive_key):
            return None
        return out.raw[:len(text) - TAG]

    def fixed(self, **fields):
        now_ms = int(time.monotonic() * 1000)
        ts, at = self.echo or (0, 0)
        f = {"your_boot": self.node_boot, "epoch": self.epoch, "hlc": int(time.time() * 1000) << 16, "config": self.last.get("config", 0), "state": 0,
             "tx_ts": now_ms & 0xffffffff, "echo_ts": ts, "hold_us": int((time.monotonic() - at) * 1e6) & 0xffffffff, "interval_ms": 200,
             "min": 1, "max": 1, "me": 2, "link": 3, "lhm": 0, "entries": 2, "flags": ECHO if self.echo else 0, **self.fields, **fields}
        return FIXED.pack(*f.values()) + ENTRY.pack(self.node_id, 0, 0, *self.held) + ENTRY.pack(self.self_id, 0, 0, self.epoch, self.seq)

    def delta(self):
        """All of our shelf that the node does not have yet, as one interval."""
        body = b"".join(struct.pack(">BBHIQ", kind, len(value), 0, seq - self.covered, key) + value
                        for seq, kind, key, value in sorted((s, k, n, v) for (k, n), (s, v) in self.records.items()) if seq > self.covered)
        count = sum(seq > self.covered for seq, _ in self.records.values())
        return tlv(DELTA, struct.pack(">BBHQQQQ", self.self_id, 0, count, self.epoch, self.covered, self.seq, 1) + body)

    # ---- what a peer does ----

    def write(self, kind, key, value):
        self.seq += 1
        self.records[(kind, key)] = (self.seq, value)

    def send(self, tlvs=b"", header=None, **fields):
        self.socket.sendto(self.seal(self.fixed(**fields) + tlvs, **(header or {})), self.node_address)

    def beat(self, before=b"", after=b"", **fields):
        self.send(before + (self.delta() if self.node_boot and self.covered < self.seq else b"") + after, **fields)

    def read(self, wait_s):
        """Takes in one packet; False where none comes in that time."""
        self.socket.settimeout(max(wait_s, 0.001))
        try:
            packet, _ = self.socket.recvfrom(65536)
        except socket.timeout:
            return False
        plain = self.open(packet)
        if plain is not None:
            self.take(packet, plain)
        return True

    def take(self, packet, plain):
        h = HEADER.unpack(packet[:HEADER.size])
        f = dict(zip(("your_boot", "epoch", "hlc", "config", "state", "tx_ts", "echo_ts", "hold_us", "interval_ms", "min", "max", "me", "link",
                      "lhm", "entries", "flags"), FIXED.unpack(plain[:FIXED.size])))
        self.heard.append((f, len(packet)))
        if f["your_boot"] != self.boot and self.node_boot:
            return
        if h[9] != self.node_boot:
            self.node_boot, self.held, self.theirs = h[9], (f["epoch"], 0), {}
        self.last, self.echo = f, (f["tx_ts"], time.monotonic())
        at = FIXED.size
        for _ in range(f["entries"]):
            owner, _, _, epoch, seq = ENTRY.unpack(plain[at:at + ENTRY.size])
            if owner == self.self_id and epoch == self.epoch:
                self.covered = max(self.covered, seq)
            at += ENTRY.size
        while at < len(plain):
            kind, length = struct.unpack(">HH", plain[at:at + 4])
            if kind == DELTA:
                self.join(plain[at + 4:at + 4 + length])
            at += 4 + length

    def join(self, body):
        owner, _, count, epoch, start, to, _ = struct.unpack(">BBHQQQQ", body[:36])
        if owner != self.node_id or epoch != self.held[0] or self.held[1] < start:
            return
        at = 36
        for _ in range(count):
            kind, length, _, _, key = struct.unpack(">BBHIQ", body[at:at + 16])
            self.theirs[(kind, key)] = body[at + 16:at + 16 + length]
            at += 16 + length
        self.held = (epoch, max(self.held[1], to))

    def beat_until(self, condition, wait_s=30, **how):
        """Heartbeats as they are due until it holds. False where it does not within the time."""
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            self.beat(**how)
            next_s = time.monotonic() + 0.2
            while time.monotonic() < next_s:
                self.read(next_s - time.monotonic())
            if condition():
                return True
        return False

    def is_held(self):
        """The node has all that we wrote."""
        return self.covered >= self.seq
