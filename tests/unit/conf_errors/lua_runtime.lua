require "base"
local t = nil
local x = t.field
--> lua_runtime.lua:3: attempt to index a nil value (local 't'); expected a table: it was never set
