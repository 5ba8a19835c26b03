require "base"
local net
service "www.example.test" { check = "web", tiers = { { net .. ".1" } } }
--> lua_nil_text.lua:3: attempt to concatenate a nil value (local 'net'); expected text: it was never set
