zone "example.test" { file = "example.test.zone" }
--> node_none.lua: no node; expected at least one: node "NAME" { … }
