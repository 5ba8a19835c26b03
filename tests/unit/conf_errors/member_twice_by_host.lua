require "base"
service "www.example.test" { check = "web", tiers = { { "ams1", "2001:db8::1" } } }
--> member_twice_by_host.lua:2: 2001:db8::1 is in service "www.example.test" twice; expected each address once
