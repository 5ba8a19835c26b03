
check_PROGRAMS += tests/unit/plan_test tests/unit/journal_test tests/unit/ipc_test
TESTS += tests/unit/plan_test tests/unit/journal_test tests/unit/ipc_test
tests_unit_plan_test_SOURCES = tests/unit/plan_test.c tests/lib/plan_make.c tests/lib/plan_make.h
tests_unit_plan_test_LDADD = src/core/libcore.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_plan_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_plan_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_journal_test_SOURCES = tests/unit/journal_test.c
tests_unit_journal_test_LDADD = src/core/libcore.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_journal_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ipc_test_SOURCES = tests/unit/ipc_test.c
tests_unit_ipc_test_LDADD = src/ipc/libipc.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_ipc_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/health_test
TESTS += tests/unit/health_test
tests_unit_health_test_SOURCES = tests/unit/health_test.c
tests_unit_health_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/health_flap_test
TESTS += tests/unit/health_flap_test
tests_unit_health_flap_test_SOURCES = tests/unit/health_flap_test.c tests/unit/unit.h
tests_unit_health_flap_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_flap_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/health_result_test
TESTS += tests/unit/health_result_test
tests_unit_health_result_test_SOURCES = tests/unit/health_result_test.c
tests_unit_health_result_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_result_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/policy_test
TESTS += tests/unit/policy_test
tests_unit_policy_test_SOURCES = tests/unit/policy_test.c tests/unit/policy_dsl.h
tests_unit_policy_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_policy_test_LDADD = src/policy/libpolicy.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/policy_random_test
TESTS += tests/unit/policy_random_test
POLICY_ORACLE = tests/lib/policy_oracle.c tests/lib/policy_oracle.h
tests_unit_policy_random_test_SOURCES = tests/unit/policy_random_test.c tests/unit/policy_dsl.h $(POLICY_ORACLE)
tests_unit_policy_random_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_policy_random_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_policy_random_test_LDADD = src/policy/libpolicy.a src/base/libbase.a $(CHECK_LIBS)

# Tests that fail allocations add tests/unit/fault.c and these flags.
FAULT_WRAP = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray \
	-Wl,--wrap=strdup
FAULT_SOURCES = tests/unit/fault.c tests/unit/fault.h

BASE_TESTS = tests/unit/base_addr_test tests/unit/base_buf_test tests/unit/base_diag_test tests/unit/base_hash_test \
	tests/unit/base_json_test tests/unit/base_memory_test tests/unit/base_table_test tests/unit/base_text_test
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
tests_unit_base_addr_test_SOURCES = tests/unit/base_addr_test.c tests/unit/unit.h
tests_unit_base_addr_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_addr_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_buf_test_SOURCES = tests/unit/base_buf_test.c tests/unit/unit.h
tests_unit_base_buf_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_buf_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_diag_test_SOURCES = tests/unit/base_diag_test.c tests/unit/unit.h $(FAULT_SOURCES)
tests_unit_base_diag_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_diag_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_base_diag_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_hash_test_SOURCES = tests/unit/base_hash_test.c tests/unit/unit.h
tests_unit_base_hash_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_hash_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_json_test_SOURCES = tests/unit/base_json_test.c tests/unit/unit.h
tests_unit_base_json_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_json_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_memory_test_SOURCES = tests/unit/base_memory_test.c tests/unit/unit.h $(FAULT_SOURCES)
tests_unit_base_memory_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_memory_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_base_memory_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_table_test_SOURCES = tests/unit/base_table_test.c tests/unit/unit.h $(FAULT_SOURCES)
tests_unit_base_table_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_table_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_base_table_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_text_test_SOURCES = tests/unit/base_text_test.c tests/unit/unit.h
tests_unit_base_text_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_text_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

DNS_TESTS = tests/unit/dns_name_test tests/unit/dns_query_test
check_PROGRAMS += $(DNS_TESTS)
TESTS += $(DNS_TESTS)
tests_unit_dns_name_test_SOURCES = tests/unit/dns_name_test.c tests/unit/unit.h
tests_unit_dns_name_test_LDADD = src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_dns_name_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_dns_query_test_SOURCES = tests/unit/dns_query_test.c tests/unit/unit.h
tests_unit_dns_query_test_LDADD = src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_dns_query_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_verdict_test
TESTS += tests/unit/script_verdict_test
tests_unit_script_verdict_test_SOURCES = tests/unit/script_verdict_test.c tests/unit/script_help.h
tests_unit_script_verdict_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_verdict_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_PROGRAMS += tests/unit/zone_parse_test tests/unit/zone_check_test
TESTS += tests/unit/zone_parse_test tests/unit/zone_check_test
ZONE_TEST_LIBS = src/zone/libzone.a src/dns/libdns.a src/base/libbase.a $(LDNS_LIBS) $(CHECK_LIBS)
tests_unit_zone_parse_test_SOURCES = tests/unit/zone_parse_test.c tests/unit/zone_help.h $(FAULT_SOURCES)
tests_unit_zone_parse_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_zone_parse_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_zone_parse_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_zone_parse_test_LDADD = $(ZONE_TEST_LIBS)
tests_unit_zone_check_test_SOURCES = tests/unit/zone_check_test.c tests/unit/zone_help.h $(FAULT_SOURCES)
tests_unit_zone_check_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_zone_check_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_zone_check_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_zone_check_test_LDADD = $(ZONE_TEST_LIBS)


ANSWER_TESTS = tests/unit/answer_static_test tests/unit/answer_live_test tests/unit/answer_read_test tests/unit/answer_truncate_test \
	tests/unit/answer_cookie_test tests/unit/answer_signed_test tests/unit/answer_company_test tests/unit/answer_sticky_test tests/unit/image_test
ANSWER_KIT = tests/lib/answer_kit.c tests/lib/answer_kit.h tests/lib/message.c tests/lib/message.h
ANSWER_LIBS = src/answer/libanswer.a src/zone/libzone.a src/dns/libdns.a src/base/libbase.a $(LDNS_LIBS) $(SODIUM_LIBS)
check_PROGRAMS += $(ANSWER_TESTS)
TESTS += $(ANSWER_TESTS)
tests_unit_answer_static_test_SOURCES = tests/unit/answer_static_test.c $(ANSWER_KIT)
tests_unit_answer_static_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_static_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_signed_test_SOURCES = tests/unit/answer_signed_test.c $(ANSWER_KIT)
tests_unit_answer_signed_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_signed_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_live_test_SOURCES = tests/unit/answer_live_test.c $(ANSWER_KIT)
tests_unit_answer_live_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_live_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_sticky_test_SOURCES = tests/unit/answer_sticky_test.c tests/unit/unit.h $(ANSWER_KIT)
tests_unit_answer_sticky_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_sticky_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_company_test_SOURCES = tests/unit/answer_company_test.c $(ANSWER_KIT)
tests_unit_answer_company_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_company_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_read_test_SOURCES = tests/unit/answer_read_test.c $(ANSWER_KIT)
tests_unit_answer_read_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_read_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_truncate_test_SOURCES = tests/unit/answer_truncate_test.c $(ANSWER_KIT)
tests_unit_answer_truncate_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_truncate_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_answer_cookie_test_SOURCES = tests/unit/answer_cookie_test.c tests/unit/unit.h $(ANSWER_KIT)
tests_unit_answer_cookie_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_cookie_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)
tests_unit_image_test_SOURCES = tests/unit/image_test.c $(ANSWER_KIT) $(FAULT_SOURCES)
tests_unit_image_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_image_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_image_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)

PAIR_TEST_LIBS = src/pair/libpair.a src/base/libbase.a $(SODIUM_LIBS) $(CHECK_LIBS)
PAIR_TESTS = tests/unit/pair_codec_test tests/unit/pair_session_test tests/unit/pair_shelf_test tests/unit/pair_vote_test \
	tests/unit/pair_link_test tests/unit/pair_change_test tests/unit/pair_stream_test tests/unit/pair_mesh_test \
	tests/unit/pair_hello_test tests/unit/pair_age_test tests/unit/pair_flood_test tests/unit/pair_sim_test
check_PROGRAMS += $(PAIR_TESTS)
TESTS += $(PAIR_TESTS)
tests_unit_pair_codec_test_SOURCES = tests/unit/pair_codec_test.c
tests_unit_pair_codec_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_codec_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_codec_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_session_test_SOURCES = tests/unit/pair_session_test.c
tests_unit_pair_session_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_session_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_session_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_shelf_test_SOURCES = tests/unit/pair_shelf_test.c $(FAULT_SOURCES)
tests_unit_pair_shelf_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_shelf_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_shelf_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_shelf_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_pair_vote_test_SOURCES = tests/unit/pair_vote_test.c
tests_unit_pair_vote_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_vote_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_vote_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_link_test_SOURCES = tests/unit/pair_link_test.c
tests_unit_pair_link_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_link_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_link_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_change_test_SOURCES = tests/unit/pair_change_test.c tests/unit/unit.h
tests_unit_pair_change_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_change_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_change_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_hello_test_SOURCES = tests/unit/pair_hello_test.c tests/unit/pair_world.h
tests_unit_pair_hello_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_hello_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_hello_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_age_test_SOURCES = tests/unit/pair_age_test.c tests/unit/pair_world.h
tests_unit_pair_age_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_age_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_age_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_flood_test_SOURCES = tests/unit/pair_flood_test.c tests/unit/pair_world.h
tests_unit_pair_flood_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_flood_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_flood_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_stream_test_SOURCES = tests/unit/pair_stream_test.c tests/unit/pair_world.h
tests_unit_pair_stream_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_stream_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_stream_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_mesh_test_SOURCES = tests/unit/pair_mesh_test.c tests/unit/pair_world.h
tests_unit_pair_mesh_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_mesh_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_mesh_test_LDADD = $(PAIR_TEST_LIBS)
tests_unit_pair_sim_test_SOURCES = tests/unit/pair_sim_test.c
tests_unit_pair_sim_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_pair_sim_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_pair_sim_test_LDADD = $(PAIR_TEST_LIBS)

CORE_LIBS = src/core/libcore.a src/pair/libpair.a src/policy/libpolicy.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a \
	$(SODIUM_LIBS)
CORE_KIT = tests/lib/core_world.c tests/lib/core_world.h tests/lib/plan_make.c tests/lib/plan_make.h
check_PROGRAMS += tests/unit/core_test
TESTS += tests/unit/core_test
tests_unit_core_test_SOURCES = tests/unit/core_test.c $(CORE_KIT)
tests_unit_core_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/calendar_test
TESTS += tests/unit/calendar_test
tests_unit_calendar_test_SOURCES = tests/unit/calendar_test.c tests/unit/unit.h
tests_unit_calendar_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_calendar_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_windows_test
TESTS += tests/unit/core_windows_test
tests_unit_core_windows_test_SOURCES = tests/unit/core_windows_test.c $(CORE_KIT)
tests_unit_core_windows_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_windows_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_windows_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_needs_test
TESTS += tests/unit/core_needs_test
tests_unit_core_needs_test_SOURCES = tests/unit/core_needs_test.c $(CORE_KIT)
tests_unit_core_needs_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_needs_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_needs_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_failback_test
TESTS += tests/unit/core_failback_test
tests_unit_core_failback_test_SOURCES = tests/unit/core_failback_test.c $(CORE_KIT)
tests_unit_core_failback_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_failback_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_failback_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_slow_test
TESTS += tests/unit/core_slow_test
tests_unit_core_slow_test_SOURCES = tests/unit/core_slow_test.c $(CORE_KIT)
tests_unit_core_slow_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_slow_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_slow_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_past_test
TESTS += tests/unit/core_past_test
tests_unit_core_past_test_SOURCES = tests/unit/core_past_test.c tests/unit/unit.h $(CORE_KIT)
tests_unit_core_past_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_past_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_past_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_removals_test
TESTS += tests/unit/core_removals_test
tests_unit_core_removals_test_SOURCES = tests/unit/core_removals_test.c $(CORE_KIT)
tests_unit_core_removals_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_removals_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_removals_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_hear_test
TESTS += tests/unit/core_hear_test
tests_unit_core_hear_test_SOURCES = tests/unit/core_hear_test.c $(CORE_KIT)
tests_unit_core_hear_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_hear_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_hear_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_share_test
TESTS += tests/unit/core_share_test
tests_unit_core_share_test_SOURCES = tests/unit/core_share_test.c tests/unit/twin_kit.h $(CORE_KIT)
tests_unit_core_share_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_share_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_share_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_twin_test
TESTS += tests/unit/core_twin_test
tests_unit_core_twin_test_SOURCES = tests/unit/core_twin_test.c tests/unit/twin_kit.h tests/unit/unit.h $(CORE_KIT)
tests_unit_core_twin_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_twin_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_twin_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_vouch_test
TESTS += tests/unit/core_vouch_test
tests_unit_core_vouch_test_SOURCES = tests/unit/core_vouch_test.c tests/unit/twin_kit.h tests/unit/unit.h $(CORE_KIT)
tests_unit_core_vouch_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_vouch_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_vouch_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_zones_test
TESTS += tests/unit/core_zones_test
tests_unit_core_zones_test_SOURCES = tests/unit/core_zones_test.c tests/unit/twin_kit.h tests/unit/unit.h $(CORE_KIT)
tests_unit_core_zones_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_zones_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_zones_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/probe_test
TESTS += tests/unit/probe_test
tests_unit_probe_test_SOURCES = tests/unit/probe_test.c tests/unit/probe_kit.h
tests_unit_probe_test_LDADD = src/io/libio.a src/script/libscript.a src/ipc/libipc.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(EVENT_LIBS) $(LUA_LIBS) $(OPENSSL_LIBS) \
	$(CHECK_LIBS)
tests_unit_probe_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
check_PROGRAMS += tests/unit/probe_tls_test
TESTS += tests/unit/probe_tls_test
tests_unit_probe_tls_test_SOURCES = tests/unit/probe_tls_test.c tests/unit/probe_kit.h tests/unit/tls_kit.h
tests_unit_probe_tls_test_LDADD = $(tests_unit_probe_test_LDADD)
tests_unit_probe_tls_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(OPENSSL_CFLAGS)
check_PROGRAMS += tests/unit/script_redirect_test
TESTS += tests/unit/script_redirect_test
tests_unit_script_redirect_test_SOURCES = tests/unit/script_redirect_test.c tests/unit/unit.h
tests_unit_script_redirect_test_LDADD = src/script/libscript.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_script_redirect_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_PROGRAMS += tests/unit/probe_source_test
TESTS += tests/unit/probe_source_test
tests_unit_probe_source_test_SOURCES = tests/unit/probe_source_test.c tests/unit/probe_kit.h tests/unit/unit.h
tests_unit_probe_source_test_LDADD = $(tests_unit_probe_test_LDADD)
tests_unit_probe_source_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)

check_PROGRAMS += tests/unit/probe_udp_test
TESTS += tests/unit/probe_udp_test
tests_unit_probe_udp_test_SOURCES = tests/unit/probe_udp_test.c tests/unit/probe_kit.h
tests_unit_probe_udp_test_LDADD = $(tests_unit_probe_test_LDADD)
tests_unit_probe_udp_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
CONF_TEST_ROOMS = src/conf/libconf.a src/script/libscript.a src/core/libcore.a src/pair/libpair.a src/policy/libpolicy.a \
	src/health/libhealth.a src/zone/libzone.a src/dns/libdns.a src/base/libbase.a
check_PROGRAMS += tests/unit/conf_errors_test
TESTS += tests/unit/conf_errors_test
tests_unit_conf_errors_test_SOURCES = tests/unit/conf_errors_test.c tests/unit/conf_help.h
tests_unit_conf_errors_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_conf_errors_test_LDADD = $(CONF_TEST_ROOMS) $(CHECK_LIBS) $(LUA_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) -lm
EXTRA_DIST += tests/unit/conf_errors tests/unit/zone_errors
check_PROGRAMS += tests/unit/conf_test
TESTS += tests/unit/conf_test
tests_unit_conf_test_SOURCES = tests/unit/conf_test.c tests/unit/conf_help.h tests/unit/unit.h
tests_unit_conf_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_conf_test_LDADD = $(CONF_TEST_ROOMS) $(CHECK_LIBS) $(LUA_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) -lm
EXTRA_DIST += tests/unit/conf_good
check_PROGRAMS += tests/unit/service_keys_test
TESTS += tests/unit/service_keys_test
tests_unit_service_keys_test_SOURCES = tests/unit/service_keys_test.c tests/unit/conf_help.h tests/unit/unit.h $(CORE_KIT)
tests_unit_service_keys_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_service_keys_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_service_keys_test_LDADD = $(CONF_TEST_ROOMS) $(CHECK_LIBS) $(LUA_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) -lm
check_PROGRAMS += tests/unit/loader_test
TESTS += tests/unit/loader_test
tests_unit_loader_test_SOURCES = tests/unit/loader_test.c tests/unit/conf_help.h tests/unit/unit.h src/app/loader.c src/app/loader_send.c src/app/imageset.c \
	src/app/snapshot.c src/app/generation.c src/app/site.c $(CONFINE_SOURCES)
tests_unit_loader_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(SECCOMP_CFLAGS) -pthread
tests_unit_loader_test_LDADD = src/conf/libconf.a src/io/libio.a src/script/libscript.a src/core/libcore.a src/pair/libpair.a \
	src/policy/libpolicy.a src/health/libhealth.a src/ipc/libipc.a src/answer/libanswer.a src/zone/libzone.a src/dns/libdns.a \
	src/base/libbase.a $(CHECK_LIBS) $(EVENT_LIBS) $(LUA_LIBS) $(OPENSSL_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) $(SECCOMP_LIBS) -lpthread -lm

check_PROGRAMS += tests/unit/script_hostile_test
TESTS += tests/unit/script_hostile_test
tests_unit_script_hostile_test_SOURCES = tests/unit/script_hostile_test.c tests/unit/script_help.h
tests_unit_script_hostile_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_hostile_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_match_test
TESTS += tests/unit/script_match_test
tests_unit_script_match_test_SOURCES = tests/unit/script_match_test.c
tests_unit_script_match_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_match_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(LUA_CFLAGS)

CTL_KIT = tests/lib/ctl_kit.c tests/lib/ctl_kit.h $(CORE_KIT)
CTL_TESTS = tests/unit/ctl_test tests/unit/ctl_http_test tests/unit/ctl_doc_test tests/unit/ctl_dns_test tests/unit/ctl_probe_test
check_PROGRAMS += $(CTL_TESTS)
TESTS += $(CTL_TESTS)
tests_unit_ctl_test_SOURCES = tests/unit/ctl_test.c $(CTL_KIT)
tests_unit_ctl_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_ctl_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_ctl_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ctl_http_test_SOURCES = tests/unit/ctl_http_test.c tests/unit/unit.h $(CTL_KIT)
tests_unit_ctl_http_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_ctl_http_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_ctl_http_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ctl_doc_test_SOURCES = tests/unit/ctl_doc_test.c
tests_unit_ctl_doc_test_LDADD = src/ctl/libctl.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_ctl_doc_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ctl_dns_test_SOURCES = tests/unit/ctl_dns_test.c $(CORE_KIT)
tests_unit_ctl_dns_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(LDNS_LIBS) $(CHECK_LIBS)
tests_unit_ctl_dns_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_ctl_dns_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/explain_test
TESTS += tests/unit/explain_test
tests_unit_explain_test_SOURCES = tests/unit/explain_test.c tests/unit/explain_rows.h $(CORE_KIT)
tests_unit_explain_test_LDADD = src/ctl/libctl.a src/answer/libanswer.a src/zone/libzone.a $(CORE_LIBS) $(LDNS_LIBS) $(CHECK_LIBS)
tests_unit_explain_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_explain_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_api_test
TESTS += tests/unit/script_api_test
tests_unit_script_api_test_SOURCES = tests/unit/script_api_test.c tests/unit/script_help.h
tests_unit_script_api_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_api_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
check_PROGRAMS += tests/unit/script_docs_test
TESTS += tests/unit/script_docs_test
tests_unit_script_docs_test_SOURCES = tests/unit/script_docs_test.c
tests_unit_script_docs_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_docs_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(LUA_CFLAGS)
check_PROGRAMS += tests/unit/conf_harm_test
TESTS += tests/unit/conf_harm_test
tests_unit_conf_harm_test_SOURCES = tests/unit/conf_harm_test.c tests/unit/conf_help.h tests/unit/unit.h $(FAULT_SOURCES)
tests_unit_conf_harm_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_conf_harm_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_conf_harm_test_LDADD = $(CONF_TEST_ROOMS) $(CHECK_LIBS) $(LUA_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) -lm


check_PROGRAMS += tests/unit/http1_test
TESTS += tests/unit/http1_test
tests_unit_http1_test_SOURCES = tests/unit/http1_test.c tests/unit/unit.h
tests_unit_http1_test_LDADD = src/io/libio.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_http1_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/confine_test
TESTS += tests/unit/confine_test
tests_unit_confine_test_SOURCES = tests/unit/confine_test.c tests/unit/unit.h $(CONFINE_SOURCES)
tests_unit_confine_test_LDADD = src/io/libio.a src/ipc/libipc.a src/health/libhealth.a src/base/libbase.a $(OPENSSL_LIBS) $(SECCOMP_LIBS) $(CHECK_LIBS)
tests_unit_confine_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SECCOMP_CFLAGS) -pthread

check_PROGRAMS += tests/unit/prober_test
TESTS += tests/unit/prober_test
tests_unit_prober_test_SOURCES = tests/unit/prober_test.c src/app/prober.c src/app/prober.h src/app/prober_plan.c src/app/once.c src/app/prober_plan.h \
	src/app/child.c src/app/child.h src/app/logging.c src/app/logging.h $(CONFINE_SOURCES)
tests_unit_prober_test_LDADD = src/io/libio.a src/script/libscript.a src/core/libcore.a src/pair/libpair.a src/policy/libpolicy.a \
	src/health/libhealth.a src/ipc/libipc.a src/dns/libdns.a src/base/libbase.a $(EVENT_LIBS) $(LUA_LIBS) $(SODIUM_LIBS) $(OPENSSL_LIBS) \
	$(SECCOMP_LIBS) $(CHECK_LIBS)
tests_unit_prober_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(SECCOMP_CFLAGS)
check_PROGRAMS += tests/unit/ctl_http_fault_test
TESTS += tests/unit/ctl_http_fault_test
tests_unit_ctl_http_fault_test_SOURCES = tests/unit/ctl_http_fault_test.c tests/unit/unit.h $(CTL_KIT) $(FAULT_SOURCES)
tests_unit_ctl_http_fault_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_ctl_http_fault_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_ctl_http_fault_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_ctl_http_fault_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/core_fault_test
TESTS += tests/unit/core_fault_test
tests_unit_core_fault_test_SOURCES = tests/unit/core_fault_test.c $(CORE_KIT) $(FAULT_SOURCES)
tests_unit_core_fault_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_fault_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_core_fault_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)
tests_unit_core_fault_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

EDGE_LIBS = src/io/libio.a src/core/libcore.a src/ipc/libipc.a src/dns/libdns.a src/base/libbase.a $(EVENT_LIBS)
EDGE_TESTS = tests/unit/chan_test tests/unit/io_journal_test tests/unit/io_durable_test tests/unit/overlay_test \
	tests/unit/overlay_log_test tests/unit/publisher_test
check_PROGRAMS += $(EDGE_TESTS)
TESTS += $(EDGE_TESTS)
tests_unit_chan_test_SOURCES = tests/unit/chan_test.c tests/unit/unit.h
tests_unit_chan_test_LDADD = $(EDGE_LIBS) $(CHECK_LIBS)
tests_unit_chan_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
DISK_WRAP = -Wl,--wrap=openat -Wl,--wrap=pwrite -Wl,--wrap=fdatasync -Wl,--wrap=fsync
tests_unit_io_journal_test_SOURCES = tests/unit/io_journal_test.c tests/unit/journal_kit.h tests/unit/unit.h
tests_unit_io_journal_test_LDADD = $(EDGE_LIBS) $(CHECK_LIBS) -lpthread
tests_unit_io_journal_test_LDFLAGS = $(AM_LDFLAGS) $(DISK_WRAP)
tests_unit_io_journal_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_unit_io_durable_test_SOURCES = tests/unit/io_durable_test.c tests/unit/journal_kit.h tests/unit/unit.h
tests_unit_io_durable_test_LDADD = $(EDGE_LIBS) $(CHECK_LIBS) -lpthread
tests_unit_io_durable_test_LDFLAGS = $(AM_LDFLAGS) $(DISK_WRAP)
tests_unit_io_durable_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
OVERLAY_SOURCES = tests/unit/overlay_kit.h tests/unit/unit.h $(ANSWER_KIT) src/app/overlay.c src/app/overlay_log.c src/app/view.c src/app/figures.c src/app/legacy.c
tests_unit_overlay_test_SOURCES = tests/unit/overlay_test.c $(OVERLAY_SOURCES)
tests_unit_overlay_test_LDADD = src/io/libio.a src/ipc/libipc.a $(ANSWER_LIBS) $(EVENT_LIBS) $(URCU_LIBS) $(CHECK_LIBS) -lpthread
tests_unit_overlay_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(LDNS_CFLAGS) $(URCU_CFLAGS)
tests_unit_overlay_log_test_SOURCES = tests/unit/overlay_log_test.c $(OVERLAY_SOURCES)
tests_unit_overlay_log_test_LDADD = src/io/libio.a src/ipc/libipc.a $(ANSWER_LIBS) $(EVENT_LIBS) $(URCU_LIBS) $(CHECK_LIBS) -lpthread
tests_unit_overlay_log_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(LDNS_CFLAGS) $(URCU_CFLAGS)
tests_unit_publisher_test_SOURCES = tests/unit/publisher_test.c tests/unit/unit.h src/app/publisher.c src/app/overlay_log.c
tests_unit_publisher_test_LDADD = $(EDGE_LIBS) $(CHECK_LIBS)
tests_unit_publisher_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)

check_PROGRAMS += tests/unit/base_latency_test tests/unit/figures_test
TESTS += tests/unit/base_latency_test tests/unit/figures_test
tests_unit_base_latency_test_SOURCES = tests/unit/base_latency_test.c tests/unit/unit.h
tests_unit_base_latency_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_base_latency_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_figures_test_SOURCES = tests/unit/figures_test.c tests/unit/unit.h src/app/coordinator_figures.c src/app/legacy.c
tests_unit_figures_test_LDADD = src/zone/libzone.a src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_figures_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)

check_PROGRAMS += tests/unit/rate_test tests/unit/sources_test
TESTS += tests/unit/rate_test tests/unit/sources_test
tests_unit_rate_test_SOURCES = tests/unit/rate_test.c
tests_unit_rate_test_LDADD = src/answer/libanswer.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_rate_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_sources_test_SOURCES = tests/unit/sources_test.c tests/unit/unit.h src/app/sources.c $(FAULT_SOURCES)
tests_unit_sources_test_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_sources_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_sources_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/framing_test
TESTS += tests/unit/framing_test
tests_unit_framing_test_SOURCES = tests/unit/framing_test.c tests/unit/unit.h $(FAULT_SOURCES)
tests_unit_framing_test_LDADD = src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_framing_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_framing_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/memfd_test
TESTS += tests/unit/memfd_test
tests_unit_memfd_test_SOURCES = tests/unit/memfd_test.c tests/unit/unit.h
tests_unit_memfd_test_LDADD = src/io/libio.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_memfd_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/io_log_test
TESTS += tests/unit/io_log_test
tests_unit_io_log_test_SOURCES = tests/unit/io_log_test.c tests/unit/unit.h
tests_unit_io_log_test_LDADD = src/io/libio.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_io_log_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/hook_test
TESTS += tests/unit/hook_test
tests_unit_hook_test_SOURCES = tests/unit/hook_test.c tests/unit/unit.h src/app/hook.c
tests_unit_hook_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_hook_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/tap_test
TESTS += tests/unit/tap_test
tests_unit_tap_test_SOURCES = tests/unit/tap_test.c tests/unit/unit.h src/app/tap_ring.c src/app/tap_draw.c src/app/tap_line.c
tests_unit_tap_test_LDADD = src/io/libio.a $(ANSWER_LIBS) $(CHECK_LIBS) -lpthread
tests_unit_tap_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/limited_test
TESTS += tests/unit/limited_test
tests_unit_limited_test_SOURCES = tests/unit/limited_test.c tests/unit/unit.h src/app/limited.c
tests_unit_limited_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_limited_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_json_test
TESTS += tests/unit/script_json_test
tests_unit_script_json_test_SOURCES = tests/unit/script_json_test.c tests/unit/script_help.h tests/unit/unit.h
tests_unit_script_json_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_json_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/answer_lengths_test
TESTS += tests/unit/answer_lengths_test
tests_unit_answer_lengths_test_SOURCES = tests/unit/answer_lengths_test.c tests/unit/unit.h $(ANSWER_KIT)
tests_unit_answer_lengths_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_lengths_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/answer_worst_test
TESTS += tests/unit/answer_worst_test
tests_unit_answer_worst_test_SOURCES = tests/unit/answer_worst_test.c tests/unit/unit.h $(ANSWER_KIT)
tests_unit_answer_worst_test_LDADD = $(ANSWER_LIBS) $(CHECK_LIBS)
tests_unit_answer_worst_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=db_find_zone -Wl,--wrap=db_find_node
tests_unit_answer_worst_test_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_dns_test
TESTS += tests/unit/script_dns_test
tests_unit_script_dns_test_SOURCES = tests/unit/script_dns_test.c tests/unit/script_help.h
tests_unit_script_dns_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_dns_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/health_witness_test
TESTS += tests/unit/health_witness_test
tests_unit_health_witness_test_SOURCES = tests/unit/health_witness_test.c tests/unit/unit.h
tests_unit_health_witness_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_health_witness_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_health_witness_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/script_cases_test
TESTS += tests/unit/script_cases_test
tests_unit_script_cases_test_SOURCES = tests/unit/script_cases_test.c tests/unit/unit.h
tests_unit_script_cases_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_cases_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

# The bundled checks against their own cases.
TESTS += tests/unit/lua_test.sh
EXTRA_DIST += tests/unit/lua_test.sh
tests/unit/lua_test.log: gemelctl

check_PROGRAMS += tests/unit/script_more_test
TESTS += tests/unit/script_more_test
tests_unit_script_more_test_SOURCES = tests/unit/script_more_test.c tests/unit/script_help.h
tests_unit_script_more_test_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) $(CHECK_LIBS)
tests_unit_script_more_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

tests_unit_ctl_probe_test_SOURCES = tests/unit/ctl_probe_test.c tests/unit/unit.h $(CTL_KIT)
tests_unit_ctl_probe_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_ctl_probe_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_ctl_probe_test_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/notice_test
TESTS += tests/unit/notice_test
tests_unit_notice_test_SOURCES = tests/unit/notice_test.c $(CORE_KIT)
tests_unit_notice_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_notice_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_notice_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/replay_test
TESTS += tests/unit/replay_test
tests_unit_replay_test_SOURCES = tests/unit/replay_test.c tests/unit/unit.h $(CORE_KIT)
tests_unit_replay_test_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_replay_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)
tests_unit_replay_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/whatif_test
TESTS += tests/unit/whatif_test
tests_unit_whatif_test_SOURCES = tests/unit/whatif_test.c tests/unit/unit.h $(CORE_KIT) $(FAULT_SOURCES)
tests_unit_whatif_test_LDADD = src/ctl/libctl.a $(CORE_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_whatif_test_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAP)
tests_unit_whatif_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)
tests_unit_whatif_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/ctl_top_test
TESTS += tests/unit/ctl_top_test
tests_unit_ctl_top_test_SOURCES = tests/unit/ctl_top_test.c tests/unit/unit.h
tests_unit_ctl_top_test_LDADD = src/ctl/libctl.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_ctl_top_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

# What is handed over in an upgrade.
check_PROGRAMS += tests/unit/handover_test
TESTS += tests/unit/handover_test
tests_unit_handover_test_SOURCES = tests/unit/handover_test.c tests/unit/unit.h src/app/handover.c src/app/legacy.c src/app/logging.c
tests_unit_handover_test_LDADD = src/io/libio.a src/ipc/libipc.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_handover_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)

# Routes and carriers, in a network namespace.
check_PROGRAMS += tests/unit/uplink_test
TESTS += tests/unit/uplink_test
tests_unit_uplink_test_SOURCES = tests/unit/uplink_test.c tests/unit/unit.h
tests_unit_uplink_test_LDADD = src/io/libio.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_uplink_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_uplink_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
