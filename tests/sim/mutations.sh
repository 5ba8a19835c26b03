#!/bin/sh
# Takes away one rule after the other (mutations.txt) and prints how many seeds each simulation needs to notice.
#
#     mutations.sh [NAME-PART]      all, or those whose name has this in it;  RUNS=1000 at most for each
#
# Nothing of the tree is changed: the rooms are compiled into a scratch folder, and the changed file goes before them at the link.
srcdir=$(cd "${srcdir:-.}" && pwd)
table=$srcdir/tests/sim/mutations.txt
runs=${RUNS:-1000}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
faults=0
cc="${CC:-cc} -std=gnu11 -O1 -w -D_GNU_SOURCE -fno-strict-aliasing -I$srcdir/src -I$srcdir/tests -I$srcdir"

die() {
	echo "$*" >&2
	exit 1
}

compile() { # SOURCE OBJECT
	$cc -c "$srcdir/$1" -o "$scratch/$2" || die "$1 does not compile"
}

prepare() {
	for room in core pair policy health dns base; do
		for file in "$srcdir/src/$room"/*.c; do
			compile "src/$room/$(basename "$file")" "$room-$(basename "$file" .c).o"
		done
		ar rc "$scratch/lib$room.a" "$scratch/$room"-*.o
	done
	for file in sim/sim sim/world sim/wire sim/chaos sim/oracle sim/oracle_pair lib/plan_make lib/core_world; do
		[ -e "$srcdir/tests/$file.c" ] || continue
		compile "tests/$file.c" "sim-$(basename "$file").o"
	done
	for file in $(awk -F' [|] ' '!/^#/ && NF { print $2 }' "$table" | tr ' ' '\n' | grep _test | sort -u) pair_sim_test; do
		compile "tests/unit/$file.c" "$file.o"
	done
}

libs="-L$scratch -lcore -lpair -lpolicy -lhealth -ldns -lbase -lcheck -lsubunit -lsodium -lm -lpthread -lrt"

# The first seed that fails; "-" = none did.
seeds_of() { # BY OBJECTS
	by=$1
	shift
	case $by in
	core) objects=$(echo "$scratch"/sim-*.o) ;;
	pair) objects=$scratch/pair_sim_test.o ;;
	*) objects=$scratch/$by.o ;;
	esac
	# shellcheck disable=SC2086
	$cc -o "$scratch/run" $objects "$@" $libs >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; echo "does not link"; return; }
	case $by in
	core) timeout 100 "$scratch/run" --runs "$runs" ;;
	pair) GEMEL_SIM_RUNS=$runs timeout 100 "$scratch/run" ;;
	*) timeout 100 "$scratch/run" ;;
	esac >"$scratch/out" 2>&1
	code=$?
	first=$(sed -n 's/.*seed \([0-9][0-9]*\).*/\1/p' "$scratch/out" | sed -n 1p)
	case $code:$by in
	0:*) echo - ;;
	124:*) echo "${first:-hangs}" ;;
	*:*_test) echo caught ;;
	*) echo "${first:-crash}" ;;
	esac
}

mutate() { # NAME BY FILE SED
	sed "$4" "$srcdir/$3" >"$scratch/$(basename "$3")" || die "$1: $4"
	cmp -s "$srcdir/$3" "$scratch/$(basename "$3")" && { echo "$1: changes nothing in $3"; faults=$((faults + 1)); return; }
	object=$scratch/mutant.o
	$cc -I"$(dirname "$srcdir/$3")" -c "$scratch/$(basename "$3")" -o "$object" || { echo "$1: does not compile"; faults=$((faults + 1)); return; }
	line= caught=
	for by in $2; do
		seeds=$(seeds_of "$by" "$object")
		[ "$seeds" = - ] || caught=yes
		line="$line  $by $seeds"
	done
	[ "$caught" ] || { line="$line  SURVIVES"; faults=$((faults + 1)); }
	printf '%-44s%s\n' "$1" "$line"
}

prepare
for by in pair core; do
	seeds=$(RUNS=200 seeds_of $by)
	[ "$seeds" = - ] || die "$by fails without any mutation: $seeds"
done
while IFS= read -r row; do
	case $row in '#'* | '') continue ;; esac
	name=${row%% | *} row=${row#* | }
	by=${row%% | *} row=${row#* | }
	file=${row%% | *} script=${row#* | }
	case $name in *"$1"*) mutate "$name" "$by" "$file" "$script" ;; esac
done <"$table"
exit $((faults > 0))
