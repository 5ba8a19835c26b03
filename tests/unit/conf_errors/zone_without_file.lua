require "base"
zone "other.test" { }
--> zone_without_file.lua:2: zone "other.test" has no "file"; expected the path of a zone file
