require "base"
service(5) { check = "web", tiers = { { "192.0.2.1" } } }
--> service_number_name.lua:2: service without a name; expected service "NAME" { … }
