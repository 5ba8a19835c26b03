require "base"
local s = tostring({})
--> lua_address.lua:2: a table has no text; expected text, a number or a boolean
