-- Cases of nagios.lua: gemelctl test lua/nagios.lua
local args = { command = "check_ssh -t 2 $HOSTADDRESS$" }
local line = "/usr/lib/nagios/plugins/check_ssh -t 2 192.0.2.1"

return {
  { name = "OK", args = args, want = "up", reason = "SSH OK - OpenSSH_9.2",
    mock = { { run = line, exit = 0, output = "SSH OK - OpenSSH_9.2 (protocol 2.0) | time=0.006s;;;0.0;2.0\n" } } },
  { name = "WARNING is up", args = args, want = "up", mock = { { run = line, exit = 1, output = "SSH WARNING - slow" } } },
  { name = "unless it is to be down", args = { command = "check_ssh", warning = "down" }, want = "down", reason = "SSH WARNING - slow",
    mock = { { run = true, exit = 1, output = "SSH WARNING - slow" } } },
  { name = "CRITICAL", args = args, want = "down", reason = "Connection refused", mock = { { run = line, exit = 2, output = "Connection refused" } } },
  { name = "UNKNOWN", args = args, want = "unknown", reason = "usage", mock = { { run = line, exit = 3, output = "usage: check_ssh" } } },
  { name = "another status", args = args, want = "unknown", reason = "the plugin ended with status 127", mock = { { run = line, exit = 127 } } },
  { name = "died of a signal", args = args, want = "unknown", reason = "the plugin died of signal 11", mock = { { run = line, exit = -11 } } },
  { name = "is not there", args = args, want = "unknown", reason = "check not possible",
    mock = { { run = line, fail = "check not possible" } } },
  { name = "does not end", args = args, want = "down", reason = "check timeout: the plugin did not end", mock = { { run = line, silent = true } } },
  { name = "quotes keep words together",
    args = { command = "/opt/check_app --vhost '$SERVICE$ x' \"a  b\"$PORT$ $HOSTNAME$", port = 8080 }, target = { host = "ams1" }, want = "up",
    mock = { { run = { "/opt/check_app", "--vhost", "www.example.test x", "a  b8080", "ams1" } } } },
  { name = "no command", args = { command = "  " }, want = "unknown", reason = "command is empty" },
  { name = "a word that is none", args = { command = "check_ssh", warning = "critical" }, want = "unknown", reason = 'warning is "critical"' },
}
