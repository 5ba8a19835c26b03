require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, all_down = { "192.0.2.99", "nowhere" } }
--> all_down_member.lua:2: "nowhere" is neither an address nor a host; expected an address, a host's name or site:NAME
