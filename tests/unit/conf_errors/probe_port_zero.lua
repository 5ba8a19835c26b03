require "base"
service "www.example.test" { check = "web", tiers = { { { "192.0.2.1", probe = "10.0.0.10:0" } } } }
--> probe_port_zero.lua:2: "probe" is "10.0.0.10:0"; expected ADDRESS or ADDRESS:PORT, or a table of them by node name
