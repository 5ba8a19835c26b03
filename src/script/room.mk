noinst_LIBRARIES += src/script/libscript.a
src_script_libscript_a_SOURCES = \
	src/script/api.c src/script/args.c src/script/fail.c src/script/guard.c src/script/http.c src/script/internal.h \
	src/script/dns.c src/script/dnsmsg.c src/script/dnsmsg.h src/script/json.c \
	src/script/limits.c src/script/match.c src/script/match.h src/script/pattern.c src/script/ping.c src/script/plugin.c src/script/run.c src/script/sandbox.c \
	src/script/redirect.c src/script/redirect.h src/script/script.c src/script/script.h src/script/tls.c \
	src/script/mock.c src/script/mock.h src/script/mock_conn.c src/script/mock_dns.c src/script/mock_http.c src/script/mock_ping.c src/script/mock_run.c \
	src/script/test.c src/script/test.h src/script/test_args.c
src_script_libscript_a_CFLAGS = $(AM_CFLAGS)
src_script_libscript_a_CFLAGS += $(LUA_CFLAGS)

# The bundled checks: conf/ finds them there.
bundledluadir = $(pkgdatadir)/lua
dist_bundledlua_DATA = lua/dns.lua lua/haproxy_agent.lua lua/http.lua lua/mysql.lua lua/nagios.lua lua/ping.lua lua/postgres.lua lua/redis.lua lua/smtp.lua lua/tcp.lua \
	lua/tls.lua
# What tests them, and is not installed.
EXTRA_DIST += lua/dns_test.lua lua/haproxy_agent_test.lua lua/http_test.lua lua/mysql_test.lua lua/nagios_test.lua lua/ping_test.lua lua/postgres_test.lua lua/redis_test.lua \
	lua/smtp_test.lua lua/tcp_test.lua lua/tls_test.lua
