node:
  ns1:
    id: 1
--> lua_yaml_whole.lua:2: function arguments expected near ':'; expected Lua, such as node "NAME" { … }, where = stands between a key and its value
