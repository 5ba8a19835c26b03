require "base"
service "www.example.test" { check = all {}, tiers = { { "192.0.2.1" } } }
--> check_none_in_all.lua:2: a combination of 0 checks; expected a list of at least one
