-- http: up when an HTTP request is answered with the status that is expected.
--
--     check "web" { script = "http", args = { port = 8080, path = "/healthz", expect = 200 } }
--
--     check "shop" { script = "http", args = { tls = true, path = "/healthz" } }
--
-- port      80, with TLS 443; a member's own probe port wins over it
-- tls       true turns TLS on; so does any of name, ca, cert, where tls is not false
-- verify    true; false takes any certificate
-- name      for SNI, and the name that the certificate must be for; the Host header's if not given
-- ca        a file of certificates, PEM, to trust in place of the machine's
-- cert      a file with the client's certificate and its chain, PEM; key  a file with its private key, if not in cert
-- path      "/"
-- method    "GET"
-- host      the Host header; the service's owner name if not given
-- expect    a status, a class or a list of both: 200, "2xx" (default), "200,301,4xx"
-- headers   more of them, a line each: "X-Check: 1\nAuthorization: Basic …"
-- redirects how many to follow, at the target's own address; 0
-- contains  text that the answer's body must contain within its first 65536 octets
return {
  args = {
    port = "integer?", path = "string?", method = "string?", host = "owner?", expect = "integer|string?",
    contains = "string?", headers = "string?", redirects = "integer?", tls = "boolean?", verify = "boolean?", name = "string?",
    ca = "certificates?", cert = "certificates?", key = "key?"
  },
  run = function (target, args)
    local secure = args.tls
    if secure == nil then
      secure = (args.name or args.ca or args.cert) ~= nil
    end
    local headers = {}
    for name, value in (args.headers or ""):gmatch("([^:\n]+):[ \t]*([^\n]*)") do
      headers[name] = value
    end
    local answer = http.request(target, {
      port = target.port or args.port,
      tls = secure and { verify = args.verify, name = args.name, ca = args.ca, cert = args.cert, key = args.key },
      path = args.path,
      method = args.method,
      host = args.host,
      headers = headers,
      redirects = args.redirects,
      expect = args.expect or "2xx",
      max_body = args.contains and 65536 or 0
    })
    if args.contains then
      assert(answer.body:find(args.contains, 1, true), "the body does not contain what is expected")
    end
    return true, "HTTP " .. answer.status
  end
}
