require "base"
check "x" { script = "scripts/loops.lua" }
--> scripts/loops.lua: the script takes too long to load; expected its work inside of run, which has a deadline
