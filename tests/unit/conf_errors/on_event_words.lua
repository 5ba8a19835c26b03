node "ns1" { id = 1, listen = "127.0.0.1:5301", on_event = { "/bin/sh", 7 } }
node "ns2" { id = 2, listen = "127.0.0.1:5302", on_event = {} }
node "ns3" { id = 3, listen = "127.0.0.1:5303", on_event = true }
node "ns4" { id = 4, listen = "127.0.0.1:5304", on_event = { "/bin/sh", kinds = {} } }
zone "example.test" { file = "example.test.zone" }
--> on_event_words.lua:1: "on_event" has 7; expected text of at most 1024 octets: the program's path, then its arguments
--> on_event_words.lua:2: "on_event" has 0 words; expected 1 to 16: the program's path, then its arguments
--> on_event_words.lua:3: "on_event" is true; expected a program's path, or a table such as { "/usr/local/bin/notify", timeout = "5s" }
--> on_event_words.lua:4: "kinds" is a table; expected a kind of event, or a list of them such as { "answer", "alarm" }
