require "base"
pool "edge" { check = "web", tiers = { { "192.0.2.1" } } }
service "www.example.test" { pool = "egde" }
--> pool_unknown.lua:3: no pool is called "egde"; expected the name of a pool; did you mean "edge"
