Lua
--> bytecode.lua: this is Lua that was compiled; expected the text of a configuration
