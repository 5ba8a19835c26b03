"""Reload: all or nothing for the configuration, zone by zone for zones, and a running server keeps what it had."""
from func import Case, main
from gemelkit import free_port, resolve

GOOD = "192.0.2.10"


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.config = self.single_config('zones "more"\n')
        import os
        os.mkdir(self.scratch.path("more"))
        self.scratch.write("more/other.test.zone", "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.77\n")
        self.solo = self.node(self.config, "solo")

    def answer(self, name):
        return resolve(self.server("solo"), name).addresses()

    def change(self, file, old, new):
        with open(self.scratch.path(file)) as f:
            text = f.read()
        self.assertIn(old, text)
        self.scratch.write(file, text.replace(old, new))

    def test_a_changed_zone(self):
        self.change("example.test.zone", GOOD, "192.0.2.11")
        status, out, err = self.ctl("solo", "reload")
        self.assertEqual(status, 0, out + err)
        self.assertEqual(self.answer("static.example.test"), ["192.0.2.11"])  # when the verb returns, it is so
        self.assertEqual(self.answer("www.other.test"), ["192.0.2.77"])

    def test_sighup(self):
        self.change("example.test.zone", GOOD, "192.0.2.12")
        self.solo.reload()
        self.assert_soon(lambda: self.answer("static.example.test") == ["192.0.2.12"], "the new zone is answered")

    def test_a_broken_zone_keeps_its_old_version_and_the_others_load(self):
        self.change("example.test.zone", f"static A {GOOD}", "static A 192.0.2.900")
        self.change("more/other.test.zone", "192.0.2.77", "192.0.2.78")
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual(status, 1)
        self.assertIn("example.test.zone:7:", err)
        self.assertEqual(self.answer("static.example.test"), [GOOD])
        self.assertEqual(self.answer("www.other.test"), ["192.0.2.78"])

    def test_a_broken_configuration_changes_nothing(self):
        self.change("example.test.zone", GOOD, "192.0.2.13")
        self.change("gemel.lua", "listen =", "lisen =")
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual(status, 1)
        self.assertIn("gemel.lua:2", err)
        self.assertIn("listen", err)
        self.assertEqual(self.answer("static.example.test"), [GOOD])

    def test_what_is_not_built_is_told_once_for_a_text(self):
        self.assertNotIn("not built yet", self.solo.log())
        self.change("gemel.lua", 'listen =', 'probe_source = "127.0.0.1", listen =')
        status, _, err = self.ctl("solo", "reload")
        if "not built yet" not in err:
            self.skipTest("all keys are built")
        self.assertEqual((status, err.count("not built yet")), (0, 1))
        for _ in range(2):
            self.assertEqual(self.ctl("solo", "reload")[::2], (0, ""))
        self.assertEqual(self.solo.log().count("not built yet"), 1)
        self.change("gemel.lua", 'probe_source =', '-- again\nprobe_source =')
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual((status, err.count("not built yet")), (0, 1))

    def refused_reload(self, *words):
        status, _, err = self.ctl("solo", "reload")
        self.assertEqual(status, 1, err)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual(self.answer("static.example.test"), [GOOD])
        self.assertIsNone(self.solo.process.poll())

    def append(self, text):
        with open(self.scratch.path("gemel.lua"), "a") as f:
            f.write(text)

    def test_a_check_that_does_not_compile_changes_nothing(self):
        self.scratch.write("bad.lua", "return function (target)\n  local x = = 3\nend\n")
        self.append('check "c" { script = "bad.lua" }\nservice "static.example.test" { check = "c" }\n')
        self.refused_reload("bad.lua:2:")

    def test_an_unreadable_key_changes_nothing(self):
        self.append('pair { name = "x", key = "nowhere.key" }\n')
        self.refused_reload("nowhere.key")

    def test_a_label_of_300_octets_keeps_the_zone(self):
        with open(self.scratch.path("example.test.zone"), "a") as f:
            f.write("x" * 300 + " A 192.0.2.1\n")
        self.refused_reload("example.test.zone:11:", "300")

    def test_the_last_good_zone_is_served_after_a_restart(self):
        self.assertEqual(self.solo.stop(), 0)
        self.change("example.test.zone", f"static A {GOOD}", "static A nonsense")
        self.solo.start()
        self.assertEqual(self.answer("static.example.test"), [GOOD])
        self.assertIn("example.test.zone:7:", self.solo.log())

    def test_what_only_a_restart_can_change_is_said(self):
        self.change("gemel.lua", f"127.0.0.1:{self.ports['solo']}", f"127.0.0.1:{free_port()}")
        status, out, err = self.ctl("solo", "reload")
        self.assertEqual(status, 0, out + err)
        self.assertIn("listen of this node changed", out + err)

    def test_limits_follow_a_reload(self):
        def size():
            return len(resolve(self.server("solo"), "big.example.test", "TXT", edns=4096).wire)
        self.assertLess(size(), 1232)  # truncated
        self.change("gemel.lua", "zones ", "limits { edns = 4096 }\nzones ")
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assertGreater(size(), 2000)

    def test_a_zone_comes_and_goes(self):
        import os
        self.scratch.write("more/new.test.zone", "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.9\n")
        os.unlink(self.scratch.path("more/other.test.zone"))
        self.assertEqual(self.ctl("solo", "reload")[0], 0)
        self.assertEqual(self.answer("ns1.new.test"), ["127.0.0.9"])
        self.assertEqual(resolve(self.server("solo"), "www.other.test").rcode, "REFUSED")


class BadStart(Case):
    def refused(self, config, *words):
        status, _, err = self.run_gemeld("-c", config)
        self.assertEqual(status, 1, err)
        for word in words:
            self.assertIn(word, err)
        return err

    def test_a_typo(self):
        config = self.single_config('service "www.example.test" { tierz = {} }\n')
        err = self.refused(config, "gemel.lua:4:", '"tierz"', "tiers")
        self.assertEqual(len([l for l in err.splitlines() if "gemel.lua:4" in l]), 1)

    def test_a_check_that_does_not_compile(self):
        self.scratch.write("bad.lua", "return function (target)\n  local x = = 3\nend\n")
        self.refused(self.single_config('check "c" { script = "bad.lua" }\nservice "static.example.test" { check = "c" }\n'), "bad.lua:2:")

    def test_a_label_of_300_octets(self):
        with open(self.scratch.path("example.test.zone"), "a") as f:
            f.write("x" * 300 + " A 192.0.2.1\n")
        config = self.single_config()
        status, _, err = self.run_gemeld("-c", config, "-t")
        self.assertEqual(status, 1)
        self.assertIn("example.test.zone:11:", err)
        self.assertIn("63", err)

    def test_an_unreadable_key(self):
        config = self.pair_config("", free_port())
        import os
        os.unlink(self.scratch.path("pair.key"))
        status, _, err = self.run_gemeld("-c", config, "-n", "ns1")
        self.assertEqual(status, 1)
        self.assertIn("pair.key", err)

    def test_a_port_in_use(self):
        import socket
        config = self.single_config()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", self.ports["solo"]))
            self.refused(config, f"127.0.0.1:{self.ports['solo']}", "another server is there")

    def test_a_second_server_on_the_same_state(self):
        config = self.single_config()
        self.node(config, "solo")
        self.refused(config)

    def test_wrong_usage(self):
        self.assertEqual(self.run_gemeld("--nonsense")[0], 2)
        self.assertEqual(self.run_gemeld("-c", "/nonexistent/gemel.lua")[0], 1)

    def test_no_such_node(self):
        config = self.pair_config("", free_port())
        status, _, err = self.run_gemeld("-c", config, "-n", "ns3")
        self.assertEqual(status, 1)
        self.assertIn("ns1", err)
        self.assertIn("ns2", err)


if __name__ == "__main__":
    main()
