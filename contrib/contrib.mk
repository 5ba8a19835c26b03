EXTRA_DIST += contrib/demo contrib/check contrib/count contrib/prepare contrib/py/gemelkit.py contrib/py/demo.py
