node "ns1" { listen = "127.0.0.1:5301", on_event = "/etc" }
zone "example.test" { file = "example.test.zone" }
--> on_event_folder.lua:1: "on_event" runs /etc, which is no file that can be executed; expected a program
