Lua
--> bytecode.lua: attempt to load a binary chunk (mode is 't')
