require "base"
local function f() return 1 + f() end
f()
--> lua_deep.lua:2: stack overflow
