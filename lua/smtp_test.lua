-- Cases of smtp.lua: gemelctl test lua/smtp.lua
local hello = "220 mail.example.test ESMTP\r\n"

return {
  { name = "greets and takes EHLO", want = "up", reason = "mail.example.test ESMTP",
    mock = {
      { connect = 25 },
      { reply = hello },
      { expect = "EHLO localhost\r\n", reply = "250-mail.example.test\r\n250 8BITMIME\r\n" },
      { expect = "QUIT\r\n", reply = "221 bye\r\n", close = true },
    } },
  { name = "another port and name", args = { port = 587, helo = "probe.example.test" }, want = "up",
    mock = {
      { connect = 587 }, { reply = hello }, { expect = "EHLO probe.example.test\r\n", reply = "250 ok\r\n" }, { expect = "QUIT\r\n" },
    } },
  { name = "offers STARTTLS", args = { starttls = true }, want = "up",
    mock = { { reply = hello }, { expect = "EHLO localhost\r\n", reply = "250-ok\r\n250 StartTLS\r\n" }, { expect = "QUIT\r\n" } } },
  { name = "does not offer STARTTLS", args = { starttls = true }, want = "down", reason = "STARTTLS is not offered",
    mock = { { reply = hello }, { expect = "EHLO localhost\r\n", reply = "250 ok\r\n" } } },
  { name = "that QUIT gets lost is nothing", want = "up",
    mock = { { reply = hello }, { expect = "EHLO localhost\r\n", reply = "250 ok\r\n" }, { fail = "write failed" } } },
  { name = "greets with a refusal", want = "down", reason = "greeting: 554 go away", mock = { { reply = "554 go away\r\n" } } },
  { name = "refuses EHLO", want = "down", reason = "EHLO: 421 too busy",
    mock = { { reply = hello }, { expect = "EHLO localhost\r\n", reply = "421 too busy\r\n" } } },
  { name = "is no mail server", want = "down", reason = "wrong reply: not an SMTP reply", mock = { { reply = "SSH-2.0-OpenSSH_9.2\r\n" } } },
  { name = "a reply without an end", want = "down", reason = "a reply without an end", mock = { { reply = ("220-more\r\n"):rep(101) } } },
  { name = "does not greet", want = "down", reason = "read timeout", mock = { { connect = 25 }, { silent = true } } },
  { name = "nothing listens", want = "down", reason = "connect refused", mock = { { fail = "connect refused" } } },
}
