require "base"
node "ns2" { id = 0 }
node "ns3" { id = 255 }
--> node_id_range.lua:2: "id" is 0; expected a whole number from 1 to 254
--> node_id_range.lua:3: "id" is 255; expected a whole number from 1 to 254
