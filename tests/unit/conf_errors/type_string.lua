require "base"
zone "other.test" { file = 5 }
--> type_string.lua:2: "file" is 5; expected the path of a zone file
