require "base"
local s = ("a"):rep(5000)
s:find(("a-"):rep(30) .. "b")
--> lua_pattern_bomb.lua:3: the time limit is used up; expected data, not a long computation
