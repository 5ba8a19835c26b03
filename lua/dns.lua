-- dns: up when a name server answers a question as it should.
--
--     check "ns" { script = "dns", args = { name = "example.test", type = "SOA", serial = 2026112101 } }
--     check "resolver" { script = "dns", args = { name = "www.example.test", rd = true, address = "192.0.2.10" } }
--
-- port      53; a member's own probe port wins over it
-- name      what is asked for; the service's owner name
-- type      "A"
-- rcode     the answer's; "NOERROR"
-- address   an A or AAAA record of the answer must hold it
-- serial    the SOA record's serial must be this or a later one (RFC 1982); asks for SOA
-- aa        true: the answer must be authoritative
-- rd        true: ask for recursion
-- tcp       true: ask over TCP at once
return {
  args = {
    port = "integer?", name = "owner?", type = "string?", rcode = "string?", address = "string?", serial = "integer?",
    aa = "boolean?", rd = "boolean?", tcp = "boolean?"
  },
  run = function (target, args)
    local answer = dns.query(target, {
      port = target.port or args.port,
      name = args.name,
      type = args.type or (args.serial and "SOA" or "A"),
      rd = args.rd,
      tcp = args.tcp
    })
    local rcode = args.rcode or "NOERROR"
    assert(answer.rcode == rcode, answer.rcode .. ", expected " .. rcode)
    assert(answer.aa or not args.aa, "the answer is not authoritative")
    if args.address then
      local found = false
      for _, record in ipairs(answer.answer) do
        found = found or ((record.type == "A" or record.type == "AAAA") and record.data == args.address)
      end
      assert(found, args.address .. " is not in the answer")
    end
    if args.serial then
      assert(answer.serial, "no SOA record in the answer")
      assert((answer.serial - args.serial) & 0xffffffff < 0x80000000, "the serial is " .. answer.serial)
    end
    return true, answer.serial and "serial " .. answer.serial or nil
  end
}
