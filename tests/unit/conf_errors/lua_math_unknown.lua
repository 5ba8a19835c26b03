require "base"
local x = math.sinus(1)
--> lua_math_unknown.lua:2: unknown name "math.sinus"; expected a function of Lua 5.4's math library
