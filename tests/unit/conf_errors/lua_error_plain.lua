require "base"
assert(false, "no luck")
--> lua_error_plain.lua:2: no luck
