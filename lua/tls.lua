-- tls: up when the target's certificate lives long enough, is for the name, and comes from an issuer that is trusted.
--
--     check "cert" { script = "tls", args = { port = 443, days = 21 }, interval = "1h", timeout = "10s" }
--
-- port    443; a member's own probe port wins over it
-- name    for SNI, and the name that the certificate must be for; the service's owner name if not given
-- days    of life that must be left; 14. 0 = it must not have expired
-- verify  true; false looks at the days alone
-- ca      a file of certificates, PEM, to trust in place of the machine's
-- alpn    "h2,http/1.1": protocols to offer; the target must agree on one of them
return {
  args = {
    port = "integer?", name = "owner?", days = "number?", verify = "boolean?", ca = "certificates?", alpn = "string?"
  },
  run = function (target, args)
    local days = args.days or 14
    local cert = tls.info(target, {
      port = target.port or args.port or 443, name = args.name, ca = args.ca, alpn = args.alpn
    })
    local left = ("%.1f days left"):format(cert.days_left)
    assert(cert.days_left > days, left .. ", " .. days .. " wanted")
    assert(cert.verified or args.verify == false, cert.fault)
    assert(cert.alpn or not args.alpn, "no protocol of " .. (args.alpn or "") .. " is spoken")
    return true, left
  end
}
