require "base"
service "www.example.test" { check = "web" }
--> service_no_records.lua:2: service "www.example.test" has no members; expected tiers, or A or AAAA records at the name in example.test.zone
