# Models of links and sessions, explored in whole by spin with the judgement of src/pair; skipped where there is no spin.
TESTS += tests/spin/spin_test.sh
EXTRA_DIST += tests/spin/spin_test.sh tests/spin/links.pml tests/spin/links.h tests/spin/ways.pml tests/spin/ways.h \
	tests/spin/session.pml tests/spin/session.h
soak: soak-spin
soak-spin:
	srcdir=$(srcdir) $(srcdir)/tests/spin/spin_test.sh soak
.PHONY: soak-spin
