"""pick = "sticky" through the whole server: a client's network keeps its member, and moves only when that member goes."""
import json
import socket
import struct

from func import PATIENCE_S, Case, main
from gemelkit import addresses, free_port

NAME = "www.example.test"
MEMBERS = [f"127.0.0.{n}" for n in range(61, 65)]
NETWORKS = 400


def question(id, network):
    """A query for A with a client subnet of 10.X.Y.0/24 (RFC 7871 6)."""
    owner = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
    subnet = struct.pack("!HHHBB", 8, 7, 1, 24, 0) + bytes([10, network >> 8, network & 255])
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(subnet)) + subnet
    return struct.pack("!6H", id, 0, 1, 0, 0, 1) + owner + struct.pack("!HH", 1, 1) + opt, 12 + len(owner) + 4


class Sticky(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.backends = {m: self.backend(m, self.port) for m in MEMBERS}
        self.ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.ask.close)
        self.ask.settimeout(PATIENCE_S)

    def start(self, members, more=""):
        self.solo = self.node(self.single_config(
            f'{more}\n'
            f'check "web" {{ script = "tcp", args = {{ port = {self.port} }}, interval = "300ms", timeout = "5s", fall = 2 }}\n'
            f'service "{NAME}" {{ check = "web", answer = 1, pick = "sticky", tiers = {{ {{ {members} }} }} }}\n'), "solo")
        self.assert_soon(lambda: addresses(self.server("solo"), NAME) and self.all_are_up(), "it is answered, of all its members")

    def all_are_up(self):
        status, out, _ = self.ctl("solo", "--json", "service", NAME)
        return status == 0 and all(m["state"] == "up" for m in json.loads(out)["members"])

    def member_of(self, network):
        query, at = question(network, network)
        self.ask.sendto(query, self.server("solo"))
        reply = self.ask.recv(4096)
        id, flags, _, count, _, _ = struct.unpack("!6H", reply[:12])
        self.assertEqual((id, flags & 15, count), (network, 0, 1))
        self.assertIn(bytes([24, 24, 10, network >> 8, network & 255]), reply)  # the scope: it is this network's answer
        return socket.inet_ntoa(reply[at + 12:at + 16])

    def members(self):
        return {n: self.member_of(n) for n in range(NETWORKS)}

    def test_a_lost_member_moves_only_its_own(self):
        self.start(", ".join(f'"{m}"' for m in MEMBERS))
        before = self.members()
        self.assertEqual(self.members(), before)
        for m in MEMBERS:  # 100 each, give or take four deviations
            self.assertTrue(65 <= list(before.values()).count(m) <= 135, before)
        lost = MEMBERS[1]
        self.backends[lost].kill()
        self.assert_soon(lambda: lost not in {self.member_of(n) for n in range(40)}, "the lost one left the answers")
        after = self.members()
        for n, m in before.items():
            self.assertTrue(after[n] == m if m != lost else after[n] != lost, (n, m, after[n]))
        self.assertEqual({after[n] for n, m in before.items() if m == lost}, set(MEMBERS) - {lost})  # not all to one
        self.backends[lost].start()
        self.assert_soon(lambda: self.members() == before, "all are back where they were")

    def test_strangers_are_not_believed(self):
        self.start(", ".join(f'"{m}"' for m in MEMBERS), "limits { client_subnet_from = { \"192.0.2.0/24\" } }")
        got = set()
        for network in range(40):  # all are the one network that the queries come from, whatever they tell
            query, at = question(network, network)
            self.ask.sendto(query, self.server("solo"))
            reply = self.ask.recv(4096)
            self.assertIn(bytes([24, 0, 10, network >> 8, network & 255]), reply)
            got.add(socket.inet_ntoa(reply[at + 12:at + 16]))
        self.assertEqual(len(got), 1)
        with open(self.solo.config) as f:
            text = f.read()
        with open(self.solo.config, "w") as f:
            f.write(text.replace("192.0.2.0/24", "127.0.0.0/8"))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)  # from now on they are
        self.assert_soon(lambda: len({self.member_of(n) for n in range(40)}) == 4, "a network each")

    def test_weights_are_honoured(self):
        self.start(f'{{ "{MEMBERS[0]}", weight = 3 }}, "{MEMBERS[1]}"')
        share = list(self.members().values()).count(MEMBERS[0])
        self.assertTrue(265 <= share <= 335, share)  # 300 of 400


if __name__ == "__main__":
    main()
