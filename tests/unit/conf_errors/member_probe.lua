require "base"
service "www.example.test" { check = "web", tiers = { { { "192.0.2.1", probe = "10.0.0.1:99999" } } } }
--> member_probe.lua:2: "probe" is "10.0.0.1:99999"; expected ADDRESS or ADDRESS:PORT, or a table of them by node name
