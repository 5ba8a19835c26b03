require "base"
service "www.example.test" { check = "web",
	tiers = { { "192.0.2.9" },
		  { "amz1" } } }
--> member_host_unknown.lua:4: "amz1" is neither an address nor a host; expected an address, a host's name or site:NAME; did you mean "ams1"
