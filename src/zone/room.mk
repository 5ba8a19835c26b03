noinst_LIBRARIES += src/zone/libzone.a
src_zone_libzone_a_SOURCES =
src_zone_libzone_a_CFLAGS = $(AM_CFLAGS)
src_zone_libzone_a_CFLAGS += $(LDNS_CFLAGS)
