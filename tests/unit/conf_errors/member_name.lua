require "base"
service "www.example.test" { check = "web", tiers = { { "web1.example.net" } } }
--> member_name.lua:2: "web1.example.net" is neither an address nor a host; expected an address, a host's name or site:NAME
