require "base"
check "x" { script = "scripts/path.lua" }
check "base" { script = "scripts/path.lua" }
service "www.example.test" { check = { use = "base", args = { port = 1, path = "/" } }, tiers = { { "192.0.2.1" } } }
--> args_missing_unused.lua:2: check "x" lacks argument "path" of script "scripts/path.lua"; expected args = { path = … }
