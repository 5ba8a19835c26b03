require "base"
local t = { check = "web" }
t.tiers = t
service "www.example.test" (t)
--> table_in_itself.lua:4: tables inside tables, too deep; expected fewer, and no table that holds itself
--> table_in_itself.lua:4: "tiers" has 0 tiers, and values with names; expected a list of 1 to 32, each a list of members
