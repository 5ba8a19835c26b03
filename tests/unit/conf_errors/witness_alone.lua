node "ns1" { listen = {} }
zone "example.test" { file = "example.test.zone" }
--> witness_alone.lua:1: node "ns1" listens nowhere, and there is no pair that it could be a witness of
