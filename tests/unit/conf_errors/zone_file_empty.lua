require "base"
zone "example.org" { file = "scripts/empty.zone" }
--> scripts/empty.zone: no SOA for example.org; expected one, at the zone's own name
--> scripts/empty.zone: no NS for example.org; expected at least one, at the zone's own name
