require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = 60 }
--> type_table.lua:2: "ttl" is 60; expected { min = …, max = … }
