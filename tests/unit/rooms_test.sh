#!/bin/sh
# The shape of the house: includes point inward, and the pure rooms are pure (no clock, socket, file, random source, no writable
# data). Runs in the build folder; srcdir and SANITIZED come from make.
set -u
export LC_ALL=C
srcdir=${srcdir:-.}
faults=0
fault() { echo "FAULT: $*"; faults=$((faults + 1)); }

# room: rooms whose headers it may include, besides its own.
rooms='
base:
dns:base
zone:base dns
answer:base dns zone
health:base
policy:base health
pair:base
core:base dns health policy pair
ipc:base
script:base dns health
conf:base dns zone health policy pair core script
io:base health core ipc script
ctl:base dns health policy pair core
app:base dns zone answer health policy pair core ipc script conf io ctl
'
for line in $(echo "$rooms" | tr ' ' ','); do
	room=${line%%:*}
	allowed=",$room,${line#*:},"
	for file in "$srcdir/src/$room"/*.[ch]; do
		[ -f "$file" ] || continue
		for inc in $(sed -n 's/^#include "\([^"]*\)\/[^"]*".*/\1/p' "$file" | sort -u); do
			case $allowed in
			*",$inc,"*) ;;
			*) fault "$file includes a header of $inc; $room may include:${line#*:}" ;;
			esac
		done
	done
done

# One door a library: only these rooms may include its headers.
door() {
	pattern=$1; shift
	grep -lE "^#include <($pattern)" "$srcdir"/src/*/*.[ch] | while read -r file; do
		room=$(basename "$(dirname "$file")")
		case " $* " in
		*" $room "*) ;;
		*) echo "FAULT: $file includes <$pattern>; its door is: $*" ;;
		esac
	done
}
doors=$(door 'ldns/' zone app; door 'sodium' pair answer app; door 'lua|lauxlib|lualib' script conf app; door 'event2/' io ctl app; door 'openssl/' io app; door 'urcu' app)
[ -z "$doors" ] || { echo "$doors"; faults=$((faults + $(echo "$doors" | wc -l))); }

if [ "${SANITIZED:-}" = yes ]; then
	echo "purity is proved on a plain build only: skipped here"
else
	pure='base dns zone answer health policy pair core ipc'
	ours=$(for r in $pure; do nm -g --defined-only "src/$r/lib$r.a"; done 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
	allowed='mem[a-z]*|str[a-z]*|malloc|calloc|realloc|reallocarray|free|v?sn?printf|__(v?sn?printf|mem[a-z]*|str[a-z]*)_chk|__isoc99_sscanf|__stack_chk_fail|abort|__assert_fail|qsort|bsearch|__errno_location|__ctype_[a-z_]*|_GLOBAL_OFFSET_TABLE_|gmtime_r|isfinite|ldns_[a-z0-9_]*|crypto_[a-z0-9_]*|sodium_(memzero|memcmp|increment)'
	for r in $pure; do
		for object in "src/$r"/*.o; do
			[ -f "$object" ] || { fault "src/$r has no objects: nothing was proved"; continue; }
			for symbol in $(nm -u "$object" | awk '{ print $2 }'); do
				echo "$symbol" | grep -qxE "$allowed" && continue
				echo "$ours" | grep -qxF -- "$symbol" || fault "$object calls $symbol"
			done
			objdump -h "$object" | awk '$2 ~ /^\.(data|bss|tdata|tbss)/ && $2 !~ /^\.data\.rel\.ro/ && $3 !~ /^0+$/ { print $2 }' |
				grep -q . && fault "$object has writable data"
		done
	done
fi
[ "$faults" = 0 ] && echo "the house stands"
[ "$faults" = 0 ]
