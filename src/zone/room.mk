noinst_LIBRARIES += src/zone/libzone.a
src_zone_libzone_a_SOURCES =
src_zone_libzone_a_CFLAGS = $(AM_CFLAGS)
src_zone_libzone_a_CFLAGS += $(LDNS_CFLAGS)
src_zone_libzone_a_SOURCES += \
	src/zone/compile.c src/zone/compile.h \
	src/zone/image.c src/zone/image.h src/zone/image_open.c
