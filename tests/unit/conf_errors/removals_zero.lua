require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, removals = 0 }
--> removals_zero.lua:2: "removals" is 0; expected "any", a number of members from 1, or a share such as "25%"
