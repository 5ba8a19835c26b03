require "base"
host "ams1" { "192.0.2.44" }
--> host_twice.lua:2: host "ams1" is there twice, first at base.lua:5; expected each name once
