require "base"
service "www.example.test" { check = "web", tiers = { { 5 } } }
--> member_number.lua:2: a member is 5; expected an address, a host's name, site:NAME or a table
