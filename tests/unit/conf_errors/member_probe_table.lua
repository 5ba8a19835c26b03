require "base"
service "www.example.test" { check = "web",
	tiers = { { { "192.0.2.1", probe = { "10.0.0.1" } },
		    { "192.0.2.2", probe = {} } } } }
--> member_probe_table.lua:3: "probe" is a table with addresses of no node; expected addresses by node name: { ns1 = "10.0.0.1", … }
--> member_probe_table.lua:4: "probe" is a table of nothing; expected addresses by node name: { ns1 = "10.0.0.1", … }
