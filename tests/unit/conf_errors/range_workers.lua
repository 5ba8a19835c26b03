node "ns1" { workers = 1000 }
zone "example.test" { file = "example.test.zone" }
--> range_workers.lua:1: "workers" is 1000; expected a whole number from 1 to 256
