require "base"
check "x" { interval = "1s" }
--> check_without_script.lua:2: check "x" has no "script"; expected a bundled check such as "http", or the path of a .lua file
