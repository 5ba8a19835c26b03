"""A node beside a peer that is not ours (pairpeer.py): one that follows the protocol as it is written, one of a later version that says
more than we know, and one that only asks.
"""
import json
import socket
import struct
import time

import pairpeer
from func import Case, main
from gemelkit import addresses, encode_name, free_port
from pairpeer import ADMIN, BYE, CONFIG, EVENT, MUST, NODE, STREAM, VERDICT, ZONE, Peer, record_key, target_key, tlv

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"
UP, DOWN = 1, 2


def verdict(v, more=b""):
    return struct.pack(">BBBBQII", v, 0, 1, 100, 0, 0, 0) + more


class Foreign(Case):
    def setUp(self):
        super().setUp()
        if not pairpeer.sodium():
            self.skipTest("needs libsodium")
        self.port = port = free_port()
        for a in (A, B):
            self.backend(a, port)
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }}, agree = "any-down" }}\n', port)
        with open(config, encoding="utf-8") as f:
            self.peers = [("127.0.0.1", int(line.split('peer = "127.0.0.1:')[1].split('"')[0])) for line in f.readlines()[:2]]
        with open(self.scratch.path("pair.key"), encoding="ascii") as f:
            self.key = bytes.fromhex(f.read().strip())
        self.node(config, "ns1")
        self.peer = self.start_peer()
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "both are up")

    def start_peer(self, **how):
        peer = Peer(self.key, how.get("cluster", "test"), 2, self.peers[1], 1, self.peers[0])
        self.addCleanup(peer.close)
        return peer

    def view(self):
        """What gemelctl says of the peer, and the counters."""
        status, out, err = self.ctl("ns1", "--json", "peers")
        self.assertEqual(status, 0, err)
        d = json.loads(out)
        return {**d["peers"][0], **d["packets"]}

    def count(self):
        """Of the addresses that are answered; 0 for silence."""
        return len(addresses(self.server("ns1"), NAME) or ())

    def seen(self, *keys):
        view = self.view()
        return tuple(view[key] for key in keys)

    def assert_beaten(self, condition, text, **how):
        if not self.peer.beat_until(condition, **how):
            self.fail_with_logs(f"not with heartbeats: {text}; {self.view()}")

    def join(self, **how):
        self.assert_beaten(lambda: self.view()["link"] == "active" and self.peer.is_held() and self.ours(A), "the link is active", **how)

    def ours(self, address):
        """The key of the verdict on this address, once the node told of it."""
        key = target_key(address, "http", {"host": NAME, "path": "/", "port": self.port})
        return key if (VERDICT, key) in self.peer.theirs else None


class AsWritten(Foreign):
    def test_it_is_a_peer_like_any_other(self):
        self.join()
        well = ("normal", True, f"{self.peer.key_id:02x}", 0)
        self.assert_beaten(lambda: self.seen("self", "same_config", "key", "undecryptable") == well, "it is well")
        self.assert_beaten(lambda: self.peer.last["me"] == 2, "its first round is over")
        for key in (self.ours(A), self.ours(B)):
            for says, count in ((DOWN, 1), (UP, 2), (DOWN, 1)):
                self.peer.write(VERDICT, key, verdict(says))
                self.assert_beaten(lambda n=count: self.count() == n, f"its vote counts: {count} answer")
            self.peer.write(VERDICT, key, b"")  # a tombstone
            self.assert_beaten(lambda: self.count() == 2, "what is removed counts no more")

    def test_its_bye_ends_its_votes(self):
        self.join()
        self.peer.write(VERDICT, self.ours(A), verdict(DOWN))
        self.assert_beaten(lambda: self.count() == 1, "its vote counts")
        self.peer.send(header={"type": BYE})
        self.assert_soon(lambda: self.view()["link"] == "lost" and self.count() == 2, "it is gone at once")
        self.peer.begin()
        self.join()

    def test_another_version_alone_is_incompatible(self):
        self.join()
        self.peer.begin(min=2, max=3)
        self.assert_beaten(lambda: self.view()["link"] == "incompatible", "no common version")
        self.assert_answer("ns1", NAME, [A, B])
        self.peer.begin(min=1, max=3)
        self.join()

    def test_keys_are_as_written(self):
        self.join()
        self.assertEqual(self.ctl("ns1", "down", B)[0], 0)
        wanted = {(VERDICT, target_key(B, "http", {"host": NAME, "path": "/", "port": self.port})), (ADMIN, record_key("override", B.encode())),
                  (CONFIG, record_key("service", encode_name(NAME))), (ZONE, record_key("zone", b"example.test"))}
        self.assert_beaten(lambda: wanted <= set(self.peer.theirs), f"{wanted - set(self.peer.theirs)} are there")


class Later(Foreign):
    """A version that is still to come, on one of two nodes: a rolling upgrade."""

    MORE = {"max": 9, "flags": 0x80000002, "me": 2}

    def test_what_is_optional_is_skipped(self):
        more = {"before": tlv(0x0010, b"begin") + tlv(0x7fff, b""), "after": tlv(0x0023, bytes(100)), **self.MORE}
        self.join(**more)
        self.assert_beaten(lambda: self.peer.last["link"] == 3, "it says so too", **more)
        keys = self.ours(A), self.ours(B)
        for i, (kind, key, value) in enumerate(((ZONE, 1, bytes(40)), (200, 2, b"x" * 100), (EVENT, 3, b"?"), (EVENT, 4, bytes(100)),
                                                (NODE, 99, b"\x09"), (NODE, 1, b"\x02" + bytes(8)), (NODE, 2, b"\xff" * 9), (6, 12345, b"short"))):
            self.peer.write(kind, key + i, value)
        self.peer.write(VERDICT, keys[0], verdict(DOWN, bytes(100)))  # a longer value begins as the one that we know
        self.peer.write(VERDICT, keys[1], bytes([77]) + bytes(30))    # a verdict that we do not know abstains
        self.assert_beaten(lambda: self.count() == 1 and self.peer.is_held(), "the records that we know count", **more)
        taken = ("active", 0, 0)
        self.assert_beaten(lambda: self.seen("link", "refused_format", "refused_version") == taken, "it is taken", **more)

    def test_states_that_we_do_not_know(self):
        self.join(me=77, link=200)
        self.assert_beaten(lambda: self.seen("self") == ("none",), "no state that we know", me=77, link=200)
        self.assert_beaten(lambda: self.view()["link"] == "active", "it lives", me=0, link=255)

    def test_packets_of_another_kind_are_left_out(self):
        self.join()
        for kind in (STREAM, 5, 6, 7, 200):
            before = self.view()["refused_header"]
            self.peer.send(header={"type": kind})
            self.assert_soon(lambda n=before: self.view()["refused_header"] > n, f"kind {kind} is counted")
        self.assert_beaten(lambda: self.view()["link"] == "active", "the link lives on heartbeats")

    def test_what_must_be_understood_is_refused_whole(self):
        self.join()
        self.peer.write(VERDICT, self.ours(A), verdict(DOWN))
        before = self.view()["refused_version"]
        for _ in range(3):
            self.peer.beat(after=tlv(MUST | 0x0100, b"agree or leave it"))
        self.assert_soon(lambda: self.view()["refused_version"] == before + 3, "refused, and counted")
        self.assert_answer("ns1", NAME, [A, B])
        self.assert_beaten(lambda: self.count() == 1, "without it the rest is taken")

    def test_a_known_field_that_must_be_understood_is(self):
        self.join()
        self.peer.write(VERDICT, self.ours(A), verdict(DOWN))
        marked = struct.pack(">H", MUST | 1) + self.peer.delta()[2:]

        def is_taken():  # the link lives by the same packets
            self.peer.send(tlvs=marked)
            self.peer.read(0.2)
            return self.count() == 1
        self.assert_soon(is_taken, "our own field, marked")


class Asks(Foreign):
    """Authentic hellos, and what is not even that: the answer is never longer, seldom, and to nobody whom the configuration does not name."""

    def answers(self):
        return [(f, length) for f, length in self.peer.heard if f["your_boot"] == self.peer.boot]

    def test_a_hello_is_answered_by_no_more_than_it_was(self):
        longest = {}
        for more in (0, 4, 8, 100, 1000):
            self.peer.begin()
            packet = self.peer.seal(self.peer.fixed(your_boot=0, entries=0)[:64] + (tlv(0x10, bytes(more - 4)) if more else b""))
            self.peer.socket.sendto(packet, self.peer.node_address)
            self.assert_soon(lambda: self.peer.read(0.05) and self.answers(), "an answer")
            longest[len(packet)] = max(length for _, length in self.answers())
        for asked, answered in longest.items():
            self.assertLessEqual(answered, asked, longest)
        self.assertEqual(min(longest), 112)

    def test_many_hellos_have_few_answers(self):
        begun = time.monotonic()

        def are_heard():  # of those at once some may find no room in the socket of who does not get its turn
            for _ in range(100):
                self.peer.send(your_boot=0)
            return self.view()["hellos"] >= 300
        self.assert_soon(are_heard, "hundreds were heard")
        while self.peer.read(0.5) and time.monotonic() < begun + 20:
            if len(self.answers()) > 1:
                break
        answered = self.view()["hello_answers"]
        spent = time.monotonic() - begun
        self.assertLessEqual(len(self.answers()), 2 + spent / 0.2)
        self.assertLessEqual(answered, 2 + spent / 0.2 + 1)

    def test_strangers_get_nothing(self):
        """Not even who knows the key, from an address that is not the peer's: what is said to it goes where the configuration says."""
        before = self.view()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.9", 0))
            sealed = self.peer.seal(self.peer.fixed(your_boot=0))
            wrong = sealed[:-1] + bytes([sealed[-1] ^ 1])
            for packet in (wrong, sealed[:40], b"GEML" + bytes(1228), b"", b"x" * 1400, sealed):
                s.sendto(packet, self.peers[0])
            self.assert_soon(lambda: self.view()["hellos"] > before["hellos"] and self.view()["refused_auth"] > before["refused_auth"], "all were read")
            self.assert_soon(lambda: self.peer.read(0.05) and self.answers(), "the answer goes to the peer's own address")
            s.setblocking(False)
            self.assertRaises(BlockingIOError, s.recv, 4096)
        self.assertEqual(self.view()["undecryptable"], before["undecryptable"])

    def test_a_flood_is_opened_up_to_a_bound(self):
        """One AEAD check each for the first of a second, and none for the others; the link stays."""
        self.join()
        before = self.view()
        begun = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.9", 0))
            sealed = self.peer.seal(self.peer.fixed())
            wrong = sealed[:-1] + bytes([sealed[-1] ^ 1])

            def are_counted():  # and again those that found no room in its socket
                for _ in range(2000):
                    s.sendto(wrong, self.peers[0])
                return sum(self.seen("refused_auth", "refused_flood")) >= before["refused_auth"] + before["refused_flood"] + 2000
            self.assert_beaten(are_counted, "thousands are counted")
        opened = self.view()["refused_auth"] - before["refused_auth"]
        spent = time.monotonic() - begun
        self.assertLessEqual(opened, 100 * (spent + 1) + 1)
        self.assert_beaten(lambda: self.view()["link"] == "active", "the link is active")


if __name__ == "__main__":
    main()
