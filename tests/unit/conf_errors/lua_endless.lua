require "base"
while true do end
--> lua_endless.lua:2: the time limit is used up; expected data, not a long computation
