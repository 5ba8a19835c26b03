require "base"
local s = ("%p"):format("x")
--> lua_format_address.lua:2: %p is not there, for addresses differ from run to run; expected %s, %d or another of Lua's formats
