EXTRA_DIST += contrib/demo contrib/check contrib/count contrib/prepare contrib/py/gemelkit.py contrib/py/demo.py
EXTRA_DIST += contrib/prometheus/gemel.rules.yml contrib/prometheus/gemel-dashboard.json

# gdnsd's configuration to ours.
EXTRA_DIST += contrib/from-gdnsd contrib/py/from_gdnsd/__init__.py contrib/py/from_gdnsd/checks.py contrib/py/from_gdnsd/convert.py \
	contrib/py/from_gdnsd/lua.py contrib/py/from_gdnsd/metafo.py contrib/py/from_gdnsd/options.py contrib/py/from_gdnsd/report.py \
	contrib/py/from_gdnsd/resources.py contrib/py/from_gdnsd/vscf.py contrib/py/from_gdnsd/zones.py
