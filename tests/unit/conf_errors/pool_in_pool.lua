require "base"
pool "a" { pool = "b" }
--> pool_in_pool.lua:2: a pool inside pool "a"; expected the keys themselves
