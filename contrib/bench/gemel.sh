# An adapter for a benchmark driver that sources one such file a server: srv_check, srv_config, srv_run, srv_fo_kinds.
# GEMELD names the program (default: build/gemeld of this checkout).
GEMEL_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GEMELD=${GEMELD:-$GEMEL_TOP/build/gemeld}
export GEMEL_LUA_DIR=${GEMEL_LUA_DIR:-$GEMEL_TOP/lua}

srv_check() { [ -x "$GEMELD" ] && "$GEMELD" --version 2>/dev/null | head -n 1; }

# The services of the failover suite, beside their static twins in the same zone.
gemel_services() {
	awk -v n="$FO_N" -v zone="$BENCH_RUN_DIR/fo.test" '
		function address(net, i) { return "127." net "." int(i / 256) "." i % 256 }
		function both(name, i) { printf "%s 30 A %s\n%s 30 A %s\n", name, address(1, i), name, address(2, i) >> zone }
		BEGIN {
			for (i = 0; i < n; i++) {
				both("d" i, i); both("e" i, i); both("f" i, i)
				a = address(1, i); b = address(2, i)
				printf "service \"d%d.fo.test\" { check = \"tcp\", tiers = { { \"%s\" }, { \"%s\" } } }\n", i, a, b
				printf "service \"e%d.fo.test\" { check = \"tcp\" }\n", i
				printf "service \"f%d.fo.test\" { check = \"tcp\", answer = 1, pick = \"weighted\", ", i
				printf "tiers = { { { \"%s\", weight = 3 }, \"%s\" } } }\n", a, b
			}
		}'
}

srv_config() {
	mkdir -p "$BENCH_RUN_DIR/state"
	{
		echo "node \"b\" { listen = { \"$BENCH_ADDR:$BENCH_PORT\" }, control = \"$BENCH_RUN_DIR/ctl.sock\","
		echo "           state = \"$BENCH_RUN_DIR/state\", workers = 1 }"
		echo "limits { rrl = false }"
		if [ "$BENCH_SET" = fo ]; then
			. "$BENCH_SET_DIR/meta"
			cp "$BENCH_SET_DIR/zones/fo.test" "$BENCH_RUN_DIR/fo.test"
			echo 'zone "fo.test" { file = "fo.test" }'
			echo "check \"tcp\" { script = \"tcp\", args = { port = $BENCH_BACKEND_PORT }, interval = 5, timeout = 3 }"
			gemel_services
		else
			echo "zones \"$BENCH_SET_DIR/zones\""
		fi
	} > "$BENCH_RUN_DIR/gemel.lua"
}

srv_run() { exec "$GEMELD" -c "$BENCH_RUN_DIR/gemel.lua" -n b; }

srv_fo_kinds() { printf '%s\n' 's static,2-addresses s' 'o static,1-address o' 'd tiers o' 'e all-up s' 'f weighted o'; }
