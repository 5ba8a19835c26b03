require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } } }
service "WWW.example.test." { check = "web", tiers = { { "192.0.2.2" } } }
--> service_twice.lua:3: service "www.example.test" is there twice, first at service_twice.lua:2; expected each name once
