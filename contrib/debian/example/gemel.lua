-- Answers for a zone of examples on this machine alone: see gemel.lua(5), then gemeld -t.
node "local" { listen = { "127.0.0.1:5353" } }

zone "example.test" { file = "example.test.zone" }
