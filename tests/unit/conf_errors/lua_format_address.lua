require "base"
local s = ("%p"):format("x")
--> lua_format_address.lua:2: %p is not there: addresses differ from run to run
