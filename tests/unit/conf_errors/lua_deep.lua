require "base"
local function f() return 1 + f() end
f()
--> lua_deep.lua:2: stack overflow; expected data: a function calls itself without end
