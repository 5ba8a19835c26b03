require "base"
zone "example.org" { file = "scripts" }
--> zone_file_folder.lua:2: zone "example.org": cannot read scripts: Is a directory; expected a zone file
