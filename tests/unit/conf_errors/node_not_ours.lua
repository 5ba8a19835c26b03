node "a" { }
node "b" { }
zone "example.test" { file = "example.test.zone" }
--> node_not_ours.lua: no node "nobody" (from -n); expected one of "a", "b"
