require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, all_down = 2 }
--> all_down_number.lua:2: "all_down" is 2; expected "first", "all", "last", "none" or a list of addresses
