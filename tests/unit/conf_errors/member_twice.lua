require "base"
service "www.example.test" { check = "web",
	tiers = { { "192.0.2.7" },
		  { "192.0.2.7" } } }
--> member_twice.lua:4: 192.0.2.7 is in service "www.example.test" twice; expected each address once
