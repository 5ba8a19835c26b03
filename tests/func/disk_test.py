"""A disk that is full from the start: everything but memory works, and memory comes back with the first free octets."""
import os
import re
import subprocess

from func import Case, main
from gemelkit import addresses, free_port

A = "127.0.0.11"
NAME = "www.example.test"


class FullFromTheStart(Case):
    def setUp(self):
        super().setUp()
        self.state = self.scratch.path("run", "ns1")
        os.makedirs(self.state)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.state], capture_output=True, check=False)
        if mount.returncode:
            self.skipTest("a small file system cannot be mounted here (not root)")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=True)
        self.filler = os.path.join(self.state, "filler")
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        port = free_port()
        self.backend(A, port)
        config = self.pair_config(f'service "{NAME}" {{ check = "web", tiers = {{ {{ "{A}" }} }} }}', port)
        for name in ("ns1", "ns2"):
            self.node(config, name)

    def status(self):
        code, out, _ = self.ctl("ns1", "status")
        return out if code == 0 else ""

    def linked(self):
        return "active" in self.ctl("ns1", "peers")[1]

    def test_services_are_answered_and_memory_comes_back(self):
        self.assert_soon(lambda: addresses(self.server("ns1"), NAME) == [A], "the service is answered")
        self.assert_soon(lambda: re.search("^journal.*cannot be written", self.status(), re.M), "status tells of the journal")
        code, _, err = self.ctl("ns1", "down", A, "--force")
        self.assertEqual(code, 1)
        self.assertIn("No space left", err)
        self.assertFalse(self.linked(), "no packet is sent under an epoch that is not on disk")
        os.unlink(self.filler)
        self.assert_soon(self.linked, "the twins are linked")
        self.assert_soon(lambda: self.ctl("ns1", "down", A, "--force")[0] == 0, "an override is taken")
        self.nodes["ns1"].kill()
        self.nodes["ns1"].start()
        self.assertIn(A, self.ctl("ns1", "overrides")[1])


if __name__ == "__main__":
    main()
