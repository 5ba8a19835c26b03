require "base"
zone "other.test" { file = "other.test.zone" }
--> zone_file_missing.lua:2: zone "other.test": cannot read other.test.zone: No such file or directory; expected a zone file
