require "base"
service "docs.example.test" { check = "web", tiers = { { "192.0.2.1" } } }
--> example.test.zone:7: docs.example.test is a CNAME and a service (service_cname.lua:2); expected addresses or nothing at the name
