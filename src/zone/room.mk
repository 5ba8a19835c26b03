noinst_LIBRARIES += src/zone/libzone.a
src_zone_libzone_a_SOURCES = src/zone/zone.c src/zone/zone.h src/zone/type.c src/zone/type.h \
	src/zone/check.c src/zone/check.h src/zone/check_order.c \
	src/zone/parse.c src/zone/parse.h src/zone/parse_line.c src/zone/parse_text.c src/zone/parse_directive.c \
	src/zone/parse_generate.c src/zone/parse_record.c src/zone/parse_rdata.c src/zone/parse_field.c
src_zone_libzone_a_CFLAGS = $(AM_CFLAGS)
src_zone_libzone_a_CFLAGS += $(LDNS_CFLAGS)
src_zone_libzone_a_SOURCES += \
	src/zone/compile.c src/zone/compile.h src/zone/content.c src/zone/content.h \
	src/zone/build.h src/zone/image.c src/zone/image.h src/zone/image_extra.c src/zone/image_node.c \
	src/zone/image_open.c src/zone/image_sign.c src/zone/denial.c src/zone/denial.h src/zone/nsec3.c src/zone/nsec3.h
