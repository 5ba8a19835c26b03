require "base"
check "x" { script = "scripts/loops.lua" }
--> scripts/loops.lua: the script takes too long to load
