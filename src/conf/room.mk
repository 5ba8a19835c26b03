noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES = \
	src/conf/admin.c \
	src/conf/canaries.c \
	src/conf/check.c \
	src/conf/collect.c src/conf/collect.h \
	src/conf/conf.h \
	src/conf/convert.c src/conf/convert.h \
	src/conf/fields.c src/conf/fields.h \
	src/conf/files.c src/conf/files.h \
	src/conf/hook.c \
	src/conf/internal.h \
	src/conf/keys.c \
	src/conf/limits.c \
	src/conf/load.c \
	src/conf/locate.c \
	src/conf/luafault.c src/conf/luafault.h \
	src/conf/maintenance.c \
	src/conf/member.c \
	src/conf/needs.c \
	src/conf/node.c \
	src/conf/pair.c \
	src/conf/pem.c \
	src/conf/plan.c src/conf/planner.h \
	src/conf/print.c \
	src/conf/probe.c \
	src/conf/repeats.c src/conf/repeats.h \
	src/conf/safelib.c \
	src/conf/sandbox.c src/conf/sandbox.h \
	src/conf/scan.c src/conf/scan.h \
	src/conf/schema.c src/conf/schema.h \
	src/conf/secret.c \
	src/conf/service.c \
	src/conf/streams.c \
	src/conf/value.c src/conf/value.h \
	src/conf/zonefile.c src/conf/zonefile.h \
	src/conf/zonelive.c \
	src/conf/zones.c
src_conf_libconf_a_CPPFLAGS = $(AM_CPPFLAGS) -DPKGDATADIR='"$(pkgdatadir)"'
src_conf_libconf_a_CFLAGS = $(AM_CFLAGS)
src_conf_libconf_a_CFLAGS += $(LUA_CFLAGS)
EXTRA_DIST += zones/demo.lua zones/example.test.zone zones/static.test.zone
