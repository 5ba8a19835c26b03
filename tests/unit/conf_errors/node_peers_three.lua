require "base"
node "ns2" { id = 2, peer = { "192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53" } }
--> node_peers_three.lua:2: "peer" is a table with 3 items; expected a list of 1 to 2: one or two ADDRESS:PORT
