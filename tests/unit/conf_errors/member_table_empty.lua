require "base"
service "www.example.test" { check = "web", tiers = { { { weight = 3 } } } }
--> member_table_empty.lua:2: a member that is a table with 0 addresses; expected one: { "192.0.2.10", weight = 3 }
