noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES =
src_conf_libconf_a_CFLAGS = $(AM_CFLAGS)
src_conf_libconf_a_CFLAGS += $(LUA_CFLAGS)
