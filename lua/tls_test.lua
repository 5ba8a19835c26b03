-- Cases of tls.lua: gemelctl test lua/tls.lua
return {
  { name = "lives long enough", want = "up", reason = "60.0 days left",
    mock = { { connect = 443, tls = "www.example.test", cert = { days_left = 60 } } } },
  { name = "lives too short", want = "down", reason = "13.5 days left, 14 wanted", mock = { { connect = 443, cert = { days_left = 13.5 } } } },
  { name = "other limits", args = { days = 30, port = 636 }, want = "down", reason = "29.0 days left, 30.0 wanted",
    mock = { { connect = 636, cert = { days_left = 29 } } } },
  { name = "is for another name", want = "down", reason = "is for other.example.test",
    mock = { { connect = 443, cert = { fault = "is for other.example.test" } } } },
  { name = "that does not matter", args = { verify = false }, want = "up",
    mock = { { connect = 443, cert = { fault = "is for other.example.test" } } } },
  { name = "asks for the name given", args = { name = "mail.example.test" }, want = "up", mock = { { connect = 443, tls = "mail.example.test" } } },
  { name = "speaks the protocol", args = { alpn = "h2" }, want = "up", mock = { { connect = 443, cert = { alpn = "h2" } } } },
  { name = "speaks no such protocol", args = { alpn = "h2" }, want = "down", reason = "no protocol of h2 is spoken", mock = { { connect = 443 } } },
  { name = "does not speak TLS", want = "down", reason = "TLS failed", mock = { { connect = 443, fail = "TLS failed" } } },
  { name = "nothing listens", want = "down", reason = "connect refused", mock = { { connect = 443, fail = "connect refused" } } },
}
