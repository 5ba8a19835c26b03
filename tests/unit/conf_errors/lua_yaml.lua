require "base"
services:
  - www.example.test
--> lua_yaml.lua:3: <name> expected near '-'; expected a statement of Lua, such as zone "NAME" { … }
