require "base"
service "www.sub.example.test" { check = "web", tiers = { { "192.0.2.21" } } }
--> example.test.zone:9: the service www.sub.example.test lies at or below the delegation sub.example.test, so nobody would be answered; expected another name
