-- http: up when an HTTP request is answered with the status that is expected.
--
--     check "web" { script = "http", args = { port = 8080, path = "/healthz", expect = 200 } }
--
--     check "shop" { script = "http", args = { tls = true, path = "/healthz" } }
--
-- port      80, with TLS 443; a member's own probe port wins over it
-- tls       true turns TLS on
-- verify    true; false takes any certificate
-- name      for SNI, and the name that the certificate must be for; the Host header's if not given
-- path      "/"
-- method    "GET"
-- host      the Host header; the service's owner name if not given
-- expect    a status, a class or a list of both: 200, "2xx" (default), "200,301,4xx"
-- contains  text that the answer's body must contain within its first 65536 octets
return {
  args = {
    port = "integer?", path = "string?", method = "string?", host = "owner?", expect = "integer|string?",
    contains = "string?", tls = "boolean?", verify = "boolean?", name = "string?"
  },
  run = function (target, args)
    local answer = http.request(target, {
      port = target.port or args.port,
      tls = args.tls and { verify = args.verify, name = args.name },
      path = args.path,
      method = args.method,
      host = args.host,
      expect = args.expect or "2xx",
      max_body = args.contains and 65536 or 0
    })
    if args.contains then
      assert(answer.body:find(args.contains, 1, true), "the body does not contain what is expected")
    end
    return true, "HTTP " .. answer.status
  end
}
