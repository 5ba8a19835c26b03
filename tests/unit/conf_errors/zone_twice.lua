require "base"
zone "EXAMPLE.test" { file = "example.test.zone" }
--> zone_twice.lua:2: zone "example.test" is there twice, first at base.lua:3; expected each zone once
