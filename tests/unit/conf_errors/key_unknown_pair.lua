require "base"
pair { name = "a", key = "pair.key", intervall = "200ms" }
--> key_unknown_pair.lua:2: unknown key "intervall"; expected a key of pair; did you mean "interval"
--> base.lua:2: node "ns1" has no "id"; expected a number from 1 to 254, since there is a pair
--> base.lua:2: node "ns1" has no "peer"; expected the ADDRESS:PORT at which its twin reaches it, since there is a pair
--> key_unknown_pair.lua:2: warning: a pair with a single node; expected a second node block for the twin
