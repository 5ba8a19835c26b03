require "base"
zone "other.test" {
	fil = "example.test.zone" }
--> key_unknown_zone.lua:3: unknown key "fil"; expected a key of zone; did you mean "file"
