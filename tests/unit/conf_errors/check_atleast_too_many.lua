require "base"
service "www.example.test" { check = atleast(3, { "web" }), tiers = { { "192.0.2.1" } } }
service "w0.example.test" { check = atleast(0, { "web" }), tiers = { { "192.0.2.1" } } }
service "w1.example.test" { check = atleast(1, { "web" }), teers = { { "192.0.2.1" } } }
--> check_atleast_too_many.lua:2: atleast(3, …) of 1 check; expected a number from 1 to 1
--> check_atleast_too_many.lua:3: atleast(0, …) of 1 check; expected a number from 1 to 1
--> check_atleast_too_many.lua:4: unknown key "teers"; expected a key of service; did you mean "tiers"
