node "ns1" { control = "run/ns1.sock", log = "xml", log_level = "verbose", query_log = 0, dnstap = 7 }
zone "example.test" { file = "example.test.zone" }
--> node_log_words.lua:1: "dnstap" is 7; expected the path of a socket
--> node_log_words.lua:1: "log" is "xml"; expected "text", "json" or "syslog"
--> node_log_words.lua:1: "log_level" is "verbose"; expected "error", "warning", "notice", "info" or "debug"
--> node_log_words.lua:1: "query_log" is 0; expected a whole number from 1 to 1000000
