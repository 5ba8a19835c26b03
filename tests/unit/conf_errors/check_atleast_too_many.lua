require "base"
service "www.example.test" { check = atleast(3, { "web" }), tiers = { { "192.0.2.1" } } }
--> check_atleast_too_many.lua:2: atleast(3, …) of 1 checks; expected a number from 1 to that
