"""The snapshot is written after a reload is in force: whoever is killed meanwhile, the next start serves the last good zone."""
import os
import signal

from func import Case, main
from gemelkit import addresses

NAMES = 60000  # enough for the snapshot to take a moment


class Snapshot(Case):
    def setUp(self):
        super().setUp()
        self.write_zone(1)
        self.node(self.single_config(), "solo")

    def write_zone(self, net, broken=False):
        with open(self.scratch.path("example.test.zone"), "w") as f:
            f.write("$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n")
            f.writelines(f"h{i} A 10.{net}.{i >> 8}.{i & 255}\n" for i in range(NAMES))
            f.write("broken\n" if broken else "")

    def answer(self):
        return addresses(self.server("solo"), f"h{NAMES - 1}.example.test")

    def expected(self, net):
        return [f"10.{net}.{NAMES - 1 >> 8}.{NAMES - 1 & 255}"]

    def reload(self, generation):
        self.nodes["solo"].reload()
        self.assertTrue(self.nodes["solo"].wait_log(f"generation {generation} is loaded", 30), self.nodes["solo"].log())

    def require_snapshot(self, net):
        """A start with a broken file is served from the snapshot."""
        self.write_zone(9, broken=True)
        self.nodes["solo"].start()
        self.assert_soon(lambda: self.answer() == self.expected(net), f"the snapshot of net {net} is served")

    def kill_loader(self):
        pid = self.nodes["solo"].children().get("loader")
        if pid:  # else it was quick
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_a_stop_waits_for_it(self):
        self.write_zone(2)
        self.reload(2)
        self.assertEqual(self.nodes["solo"].stop(), 0)
        self.require_snapshot(2)

    def test_the_next_load_makes_up_for_a_killed_one(self):
        self.write_zone(2)
        self.reload(2)
        self.kill_loader()
        self.reload(3)  # nothing changed
        self.assertEqual(self.nodes["solo"].stop(), 0)
        self.require_snapshot(2)

    def test_whatever_dies_an_older_or_newer_one_is_whole(self):
        self.write_zone(2)
        self.reload(2)
        self.nodes["solo"].kill()
        self.write_zone(9, broken=True)
        self.nodes["solo"].start()
        self.assert_soon(lambda: self.answer() in (self.expected(1), self.expected(2)), "a whole snapshot is served")

    def test_reloads_in_a_row_come_to_the_last(self):
        for net in (2, 3, 4):
            self.write_zone(net)
            self.nodes["solo"].reload()
        self.assert_soon(lambda: self.answer() == self.expected(4), "the last reload counts")
        self.assertEqual(self.nodes["solo"].stop(), 0)
        self.require_snapshot(4)


if __name__ == "__main__":
    main()
