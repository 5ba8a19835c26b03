EXTRA_DIST += contrib/demo contrib/check contrib/count contrib/prepare contrib/py/gemelkit.py contrib/py/demo.py
EXTRA_DIST += contrib/prometheus/gemel.rules.yml contrib/prometheus/gemel-dashboard.json

# gdnsd's configuration to ours.
EXTRA_DIST += contrib/from-gdnsd contrib/py/from_gdnsd/__init__.py contrib/py/from_gdnsd/checks.py contrib/py/from_gdnsd/convert.py \
	contrib/py/from_gdnsd/lua.py contrib/py/from_gdnsd/metafo.py contrib/py/from_gdnsd/options.py contrib/py/from_gdnsd/report.py \
	contrib/py/from_gdnsd/resources.py contrib/py/from_gdnsd/vscf.py contrib/py/from_gdnsd/zones.py

# Measurements.
EXTRA_DIST += contrib/bench/README contrib/bench/failover.py contrib/bench/flips.py contrib/bench/gemel.sh contrib/bench/hostile.py contrib/bench/instructions.py contrib/bench/kill.py contrib/bench/load.py contrib/bench/loadpeers.py contrib/bench/pair.py contrib/bench/syscalls.py contrib/bench/upgrade.py contrib/bench/verdict.py contrib/bench/workers.py

# The service manager's side, and the account that the server runs as.
EXTRA_DIST += contrib/systemd/gemeld.service.in contrib/systemd/gemel.sysusers contrib/systemd/limits.conf contrib/systemd/gemeld.socket
CLEANFILES += contrib/systemd/gemeld.service
contrib/systemd/gemeld.service: contrib/systemd/gemeld.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && sed -e 's,@sbindir\@,$(sbindir),g' -e 's,@bindir\@,$(bindir),g' $(srcdir)/contrib/systemd/gemeld.service.in >$@.tmp && mv $@.tmp $@
if INSTALL_UNITS
unitdir = $(SYSTEMD_UNIT_DIR)
nodist_unit_DATA = contrib/systemd/gemeld.service
endif
if INSTALL_SYSUSERS
sysusersdir = $(SYSUSERS_DIR)
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) $(srcdir)/contrib/systemd/gemel.sysusers '$(DESTDIR)$(sysusersdir)/gemel.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/gemel.conf'
endif

# The Debian package.
EXTRA_DIST += contrib/build-deb contrib/build-twice contrib/try-deb contrib/debian/changelog contrib/debian/control contrib/debian/copyright contrib/debian/rules \
	contrib/debian/source/format contrib/debian/gemel.docs contrib/debian/gemel.examples contrib/debian/gemel.postinst contrib/debian/gemel.postrm \
	contrib/debian/example/gemel.lua contrib/debian/example/example.test.zone
