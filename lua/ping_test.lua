-- Cases of ping.lua: gemelctl test lua/ping.lua
return {
  { name = "answers", want = "up", reason = "12.5 ms", mock = { { ping = "192.0.2.1", after = 0.0125 } } },
  { name = "is silent", want = "down", reason = "read timeout: no echo", mock = { { ping = true, silent = true } } },
  { name = "cannot be reached", want = "down", reason = "unreachable", mock = { { ping = true, fail = "unreachable" } } },
  { name = "this machine may not ping", want = "unknown", reason = "check not possible", mock = { { ping = true, fail = "check not possible" } } },
  { name = "one of three is lost", args = { count = 3, timeout = 0.5 }, want = "down", reason = "33 % of the echoes",
    mock = { { ping = true, after = 0.001 }, { ping = true, silent = true }, { ping = true, after = 0.001 } } },
  { name = "and that is allowed", args = { count = 3, timeout = 0.5, loss = 40 }, want = "up", reason = "2.0 ms",
    mock = { { ping = true, after = 0.001 }, { ping = true, silent = true }, { ping = true, after = 0.003 } } },
  { name = "too slow", args = { rtt = 0.01 }, want = "down", reason = "the mean time is 20.0 ms", mock = { { ping = true, after = 0.02 } } },
  { name = "no such count", args = { count = 0 }, want = "unknown", reason = "count must be an integer from 1" }, -- a long path takes the rest
}
