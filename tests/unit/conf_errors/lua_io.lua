require "base"
io.open("/etc/passwd")
local c = load("return 1")
debug.getinfo(1)
print(math.random())
pcall(error)
string.dump(print)
--> lua_io.lua:2: "io" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:3: "load" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:4: "debug" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:5: "print" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:5: "math.random" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:6: "pcall" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:7: "string.dump" is not there; expected data only: no files, programs, time or randomness
--> lua_io.lua:7: "print" is not there; expected data only: no files, programs, time or randomness
