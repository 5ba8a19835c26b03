require "base"
zone "broken.test" { file = "broken.test.zone" }
--> broken.test.zone:5:9: "192.0.2.300" is no IPv4 address; expected one such as 192.0.2.1
--> broken.test.zone:6:1: owner: a label of 300 octets; at most 63 are allowed
