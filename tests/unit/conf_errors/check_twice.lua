require "base"
check "web" { script = "http" }
--> check_twice.lua:2: check "web" is there twice; expected each name once
