require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.0/24" } } }
--> member_block.lua:2: "192.0.2.0/24" is neither an address nor a host; expected an address, a host's name or site:NAME
