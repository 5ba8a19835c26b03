require "base"
zone "EXAMPLE.test" { file = "example.test.zone" }
--> zone_twice.lua:2: zone "example.test" is there twice; the first is at base.lua:3
