require "base"
service "www.example.test" { check = "web",
	tiers = { { { "192.0.2.1", probe = { ns11 = "10.0.0.1" } }, { "192.0.2.2", probe = { elsewhere = "10.0.0.1" } } } } }
--> member_probe_node_unknown.lua:3: "probe" names "ns11", which is no node; expected the name of a node; did you mean "ns1"
--> member_probe_node_unknown.lua:3: "probe" names "elsewhere", which is no node; expected the name of a node
