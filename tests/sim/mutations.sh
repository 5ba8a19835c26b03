#!/bin/sh
# Takes away one rule after the other (mutations.txt) and prints how many seeds each simulation needs to notice.
#
#     mutations.sh [--rows FROM TO] [NAME-PART]      all, or those rows, or whose name has this in it
#         RUNS=3000      seeds at most for each
#         WORK=FOLDER    keeps what is compiled there, for the next call
#
# Nothing of the tree is changed: the rooms are compiled into a scratch folder, and the changed file goes before them at the link.
# Whoever is to notice must pass first without any mutation; a row fails where nobody notices, or where it changes nothing.
srcdir=$(cd "${srcdir:-.}" && pwd)
table=$srcdir/tests/sim/mutations.txt
runs=${RUNS:-3000}
if [ "$WORK" ]; then
	scratch=$WORK
	mkdir -p "$scratch" || exit 1
else
	scratch=$(mktemp -d) || exit 1
	trap 'rm -rf "$scratch"' EXIT
fi
first_row=1 last_row=1000000
[ "$1" = --rows ] && { first_row=$2 last_row=$3; shift 3; }
faults=0
cc="${CC:-cc} -std=gnu11 -O1 -w -D_GNU_SOURCE -fno-strict-aliasing -I$srcdir/src -I$srcdir/tests -I$srcdir"
libs="-L$scratch -lkit -lcore -lpair -lpolicy -lhealth -ldns -lbase -lcheck -lsubunit -lsodium -lm -lpthread -lrt"

die() {
	echo "$*" >&2
	exit 1
}

compile() { # SOURCE OBJECT
	$cc -c "$srcdir/$1" -o "$scratch/$2" || die "$1 does not compile"
}

prepare() {
	[ -e "$scratch/prepared" ] && return
	for room in core pair policy health dns base; do
		for file in "$srcdir/src/$room"/*.c; do
			compile "src/$room/$(basename "$file")" "$room-$(basename "$file" .c).o"
		done
		ar rc "$scratch/lib$room.a" "$scratch/$room"-*.o
	done
	for file in sim world plans wire chaos oracle oracle_pair oracle_uplink; do
		compile "tests/sim/$file.c" "sim-$file.o"
	done
	for file in plan_make core_world; do
		compile "tests/lib/$file.c" "kit-$file.o"
	done
	ar rc "$scratch/libkit.a" "$scratch"/kit-*.o
	: >"$scratch/prepared"
}

# The objects of who is to notice.
objects_of() { # BY
	case $1 in
	core) echo "$scratch"/sim-*.o ;;
	pair) echo "$scratch/pair_sim_test.o" ;;
	*) echo "$scratch/$1.o" ;;
	esac
}

# The first seed that fails, or "caught"; "-" = nothing failed.
seeds_of() { # BY OBJECTS
	by=$1
	shift
	# shellcheck disable=SC2046,SC2086
	$cc -o "$scratch/run" $(objects_of "$by") "$@" $libs >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; echo "does not link"; return; }
	case $by in
	core) timeout 100 "$scratch/run" --runs "$runs" ;;
	pair) CK_FORK=no GEMEL_SIM_RUNS=$runs timeout 100 "$scratch/run" ;;
	*) CK_FORK=no timeout 100 "$scratch/run" ;;
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

# Must be able to pass, or its failure means nothing.
proven() { # BY
	[ -e "$scratch/proven-$1" ] && return
	case $1 in
	core) ;;
	pair) compile tests/unit/pair_sim_test.c pair_sim_test.o ;;
	*) compile "tests/unit/$1.c" "$1.o" ;;
	esac
	seeds=$(seeds_of "$1")
	[ "$seeds" = - ] || { cat "$scratch/out" >&2; die "$1 fails without any mutation: $seeds"; }
	: >"$scratch/proven-$1"
}

fault() {
	echo "$*"
	faults=$((faults + 1))
}

mutate() { # NAME BY FILE SED
	sed "$4" "$srcdir/$3" >"$scratch/$(basename "$3")" || die "$1: $4"
	cmp -s "$srcdir/$3" "$scratch/$(basename "$3")" && { fault "$1: changes nothing in $3"; return; }
	object=$scratch/mutant.o
	$cc -I"$(dirname "$srcdir/$3")" -c "$scratch/$(basename "$3")" -o "$object" || { fault "$1: does not compile"; return; }
	line= caught=
	for by in $2; do
		proven "$by"
		seeds=$(seeds_of "$by" "$object")
		[ "$seeds" = - ] || caught=yes
		[ "$seeds" = "does not link" ] && { fault "$1: does not link"; return; }
		line="$line  $by $seeds"
	done
	[ "$caught" ] || { line="$line  SURVIVES"; faults=$((faults + 1)); }
	printf '%3d  %-52s%s\n' "$row_number" "$1" "$line"
}

prepare
row_number=0
while IFS= read -r row; do
	case $row in '#'* | '') continue ;; esac
	row_number=$((row_number + 1))
	[ "$row_number" -ge "$first_row" ] && [ "$row_number" -le "$last_row" ] || continue
	name=${row%% | *} row=${row#* | }
	by=${row%% | *} row=${row#* | }
	file=${row%% | *} script=${row#* | }
	case $name in *"$1"*) mutate "$name" "$by" "$file" "$script" ;; esac
done <"$table"
exit $((faults > 0))
