"""What a stranger can do to the pair's port: nothing.  Packets are caught on loopback and sent again, cut, flipped, or made up."""
import json
import os
import random
import socket
import struct

from func import Case, main
from gemelkit import addresses, free_port, wait_until, write_key

A, B = "127.0.0.11", "127.0.0.12"
NAME = "www.example.test"


def catch(port, count, seconds=20):
    """UDP payloads on their way to `port` of loopback."""
    found = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as s:
        s.bind(("lo", 0x0800))
        s.settimeout(0.2)

        def one():
            try:
                ip = s.recv(4096)
            except socket.timeout:
                return False
            udp = ip[(ip[0] & 15) * 4:]
            if ip[9] == 17 and struct.unpack(">H", udp[2:4])[0] == port and udp[8:] not in found:
                found.append(udp[8:])
            return len(found) >= count
        wait_until(one, seconds, 0)
    return found


class HostilePeer(Case):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("catching packets needs root")
        self.port = free_port()
        for a in (A, B):
            self.backend(a, self.port)
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}", "{B}" }} }} }}\n', self.port)
        with open(config) as f:
            self.peer_port = {n: int(line.split('peer = "127.0.0.1:')[1].split('"')[0])
                              for n, line in zip(("ns1", "ns2"), f.readlines())}
        self.config = config
        self.node(config, "ns1")
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A, B], "both are up")

    def send(self, payloads):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for p in payloads:
                s.sendto(p, ("127.0.0.1", self.peer_port["ns1"]))

    def refused(self):
        """The sum of the counters of refused packets, as `gemelctl --json peers` tells them."""
        status, out, err = self.ctl("ns1", "--json", "peers")
        self.assertEqual(status, 0, err)
        return sum(n for key, n in json.loads(out)["packets"].items() if key.startswith("refused_"))

    def assert_untouched(self, sent, before):
        self.assert_soon(lambda: self.refused() >= before + sent, f"{sent} packets are counted as refused")
        self.assert_answer("ns1", NAME, [A, B])

    def test_replayed_cut_flipped_and_made_up(self):
        self.node(self.config, "ns2")
        self.assert_soon(lambda: "active" in self.ctl("ns1", "peers")[1].lower(), "the twins are joined")
        caught = catch(self.peer_port["ns1"], 5)
        self.assertEqual(len(caught), 5)
        rng = random.Random(7)
        before = self.refused()
        flipped = []
        for p in caught:
            at = rng.randrange(len(p))
            flipped.append(p[:at] + bytes([p[at] ^ (1 << rng.randrange(8))]) + p[at + 1:])
        cut = [p[:rng.randrange(len(p))] for p in caught]
        made_up = [rng.randbytes(rng.randrange(1, 1400)) for _ in range(50)]
        self.send(caught + flipped + cut + made_up)
        self.assert_untouched(len(caught + flipped + cut + made_up), before)
        self.assert_soon(lambda: "active" in self.ctl("ns1", "peers")[1].lower(), "the twins are joined still")

    def test_a_twin_with_another_key(self):
        other = self.scratch.path("other")
        os.mkdir(other)
        for name in ("gemel.lua", "example.test.zone"):
            with open(self.scratch.path(name)) as f, open(os.path.join(other, name), "w") as g:
                g.write(f.read())
        write_key(os.path.join(other, "pair.key"))
        before = self.refused()
        self.node(os.path.join(other, "gemel.lua"), "ns2")
        self.assert_untouched(3, before)
        self.assertNotIn("active", self.ctl("ns1", "peers")[1].lower())


if __name__ == "__main__":
    main()
