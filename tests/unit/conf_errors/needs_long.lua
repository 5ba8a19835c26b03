require "base"
service "s0.example.test" { check = "web", tiers = { { "192.0.2.9" } } }
for i = 1, 32 do
	service("s" .. i .. ".example.test") { check = "web", tiers = { { "192.0.2.9" } }, needs = "s" .. i - 1 .. ".example.test" }
end
--> needs_long.lua:4: a chain of more than 32 services that need one another, from "s32.example.test" on; expected a shorter one
