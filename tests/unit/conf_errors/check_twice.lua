require "base"
check "web" { script = "http" }
--> check_twice.lua:2: check "web" is there twice, first at base.lua:4; expected each name once
