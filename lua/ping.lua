-- ping: up when the target answers ICMP echoes.
--
--     check "alive" { script = "ping" }
--     check "line" { script = "ping", args = { count = 5, loss = 20, rtt = 0.05 } }
--
-- count    echoes, one after the other; 1
-- size     octets of payload; 56
-- timeout  seconds that each may take; 1
-- loss     percent of them that may stay without an answer; 0
-- rtt      seconds that their mean may be at most
return {
  args = { count = "integer?", size = "integer?", timeout = "number?", loss = "number?", rtt = "number?" },
  run = function (target, args)
    local p = ping(target.address, { count = args.count, size = args.size, timeout = args.timeout })
    local lost = 100 * (p.sent - p.received) / p.sent
    assert(lost <= (args.loss or 0), ("%.0f %% of the echoes stayed without an answer"):format(lost))
    assert(p.rtt <= (args.rtt or math.huge), ("the mean time is %.1f ms"):format(p.rtt * 1000))
    return true, ("%.1f ms"):format(p.rtt * 1000)
  end
}
