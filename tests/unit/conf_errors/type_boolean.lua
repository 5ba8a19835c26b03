require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, couple = "yes" }
--> type_boolean.lua:2: "couple" is "yes"; expected true or false
