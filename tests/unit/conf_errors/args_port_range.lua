require "base"
check "x" { script = "tcp", args = { port = 99999 } }
--> args_port_range.lua:2: argument "port" of script "tcp" is 99999; expected a port from 1 to 65535
