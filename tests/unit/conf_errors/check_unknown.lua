require "base"
service "www.example.test" { check = "wbe", tiers = { { "192.0.2.1" } } }
--> check_unknown.lua:2: no check is called "wbe"; expected the name of a check; did you mean "web"
