require "base"
check "x" { script = "scripts/need.lua" }
service "www.example.test" { check = "x", tiers = { { "192.0.2.1" } } }
--> args_missing.lua:2: check "x" lacks argument "port" of script "scripts/need.lua"; expected args = { port = … }
