require "base"
service "api.example.test" { check = "web", tiers = { { "192.0.2.21" } } }
--> example.test.zone:8: api.example.test A 192.0.2.20 stands in no tier of the service (service_record_in_no_tier.lua:2); expected every address of a name with tiers in one
