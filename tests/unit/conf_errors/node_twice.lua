node "ns1" { id = 1 }
node "ns1" { id = 2 }
node "ns2" { id = 2 }
zone "example.test" { file = "example.test.zone" }
--> node_twice.lua:2: node "ns1" is there twice, first at node_twice.lua:1; expected each name once
--> node_twice.lua:3: id 2 is node "ns1"'s already; expected an id of its own, 1 to 254
