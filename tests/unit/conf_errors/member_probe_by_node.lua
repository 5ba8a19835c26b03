require "base"
service "www.example.test" { check = "web",
	tiers = { { { "192.0.2.1", probe = { ns1 = "here" } } } } }
--> member_probe_by_node.lua:3: "probe" is "here"; expected ADDRESS or ADDRESS:PORT, or a table of them by node name
