require "base"
pool "edge" { tiers = { { "192.0.2.1" } }, removals = "0%" }
service "www.example.test" { check = "web", pool = "edge",
                             removals = "25 %" }
--> removals_percent.lua:2: "removals" is "0%"; expected "any", a number of members from 1, or a share such as "25%"
--> removals_percent.lua:4: "removals" is "25 %"; expected "any", a number of members from 1, or a share such as "25%"
