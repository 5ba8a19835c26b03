require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, couple = function () end }
--> type_function.lua:2: "couple" is a function; expected true or false
