require "base"
service "www.example.test" { check "web", tiers = { { "192.0.2.1" } } }
--> check_called_for_key.lua:2: check "web" has no block; expected { … } after the name
--> check_called_for_key.lua:2: check "web" is there twice, first at base.lua:4; expected each name once
--> check_called_for_key.lua:2: a function stands without a key; expected a key of service before it
--> check_called_for_key.lua:2: service "www.example.test" has no check; expected check = "NAME", here or in its pool
