#!/bin/sh
# Takes away one rule after the other (mutations.txt) and prints how many seeds each simulation needs to notice.
#
#     mutations.sh [--rows FROM TO] [NAME-PART]      all, or those rows, or whose name has this in it
#     mutations.sh --check                           only whether every row still means something in the tree
#         RUNS=3000      seeds at most for each
#         WORK=FOLDER    keeps what is compiled there, for the next call
#
# Nothing of the tree is changed: the rooms are compiled into a scratch folder, and the changed file goes before them at the link.
# Whoever is to notice must pass first without any mutation; a row fails where nobody notices. Where a command of any row of the table
# changes nothing, nothing is run at all: a rule that the table cannot take away any more is a rule that nobody proves.
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
only_check=
[ "$1" = --check ] && only_check=yes
[ "$1" = --rows ] && { first_row=$2 last_row=$3; shift 3; }
faults=0
cc="${CC:-cc} -std=gnu11 -O1 -w -D_GNU_SOURCE -fno-strict-aliasing -I$srcdir/src -I$srcdir/tests -I$srcdir"
libs="-L$scratch -lkit -lcore -lpair -lpolicy -lhealth -ldns -lbase -lcheck -lsubunit -lsodium -lm -lpthread -lrt"

die() {
	tell
	echo "$*" >&2
	exit 1
}

compile() { # SOURCE OBJECT
	$cc -c "$srcdir/$1" -o "$scratch/$2" || die "$1 does not compile"
}

# The commands of a row's script, one a line.
commands_of() { # SED
	printf '%s\n' "$1" | sed 's|; s/|\
s/|g'
}

# Prints those that change nothing.
idle_commands() { # FILE SED
	commands_of "$2" | while IFS= read -r command; do
		sed "$command" "$srcdir/$1" >"$scratch/changed" 2>/dev/null && ! cmp -s "$srcdir/$1" "$scratch/changed" || echo "$command"
	done
}

check_table() {
	idle=0 row_number=0
	while IFS= read -r row; do
		case $row in '#'* | '') continue ;; esac
		row_number=$((row_number + 1))
		name=${row%% | *} row=${row#* | }
		row=${row#* | }
		file=${row%% | *} script=${row#* | }
		found=$(idle_commands "$file" "$script")
		[ "$found" ] || continue
		echo "row $row_number, $name: changes nothing in $file: $found" >&2
		idle=$((idle + 1))
	done <"$table"
	[ "$row_number" -gt 0 ] || die "$table has no rows"
	[ "$idle" = 0 ] || die "$idle rows of $row_number do not apply"
	echo "$row_number rows apply"
}

prepare() {
	[ -e "$scratch/prepared" ] && return
	for room in core pair policy health dns base; do
		for file in "$srcdir/src/$room"/*.c; do
			compile "src/$room/$(basename "$file")" "$room-$(basename "$file" .c).o"
		done
		ar rc "$scratch/lib$room.a" "$scratch/$room"-*.o
	done
	for file in sim world lives plans wire chaos oracle oracle_sets oracle_end oracle_pair oracle_shelves oracle_uplink zones paths keys; do
		compile "tests/sim/$file.c" "sim-$file.o"
	done
	for file in plan_make core_world policy_oracle; do
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
	strange | ways) echo "$scratch/$1"*.o ;;
	*) echo "$scratch/$1.o" ;;
	esac
}

# Seconds of the processor: a machine that is busy otherwise makes nobody late.
limited() {
	(ulimit -t 100 && exec env CK_TIMEOUT_MULTIPLIER=25 "$@")
}

# The first seed that fails, or "caught"; "-" = nothing failed, "late" = nothing did in its time: neither is a catch.
seeds_of() { # BY OBJECTS
	by=$1
	shift
	# shellcheck disable=SC2046,SC2086
	$cc -o "$scratch/run" $(objects_of "$by") "$@" $libs >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; echo "does not link"; return; }
	case $by in
	*_test) limited "$scratch/run" ;; # its tests apart, as in make check: some count on it
	pair) limited CK_FORK=no GEMEL_SIM_RUNS="$runs" "$scratch/run" ;;
	*) limited "$scratch/run" --runs "$runs" ;;
	esac >"$scratch/out" 2>&1
	code=$?
	first=$(sed -n 's/.*seed \([0-9][0-9]*\).*/\1/p' "$scratch/out" | sed -n 1p)
	case $code:$by in
	0:*) echo - ;;
	137:* | 152:*) echo "${first:-late}" ;;
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
	*_test) compile "tests/unit/$1.c" "$1.o" ;;
	strange | ways) # and what else begins with its name
		for file in "$srcdir/tests/sim/$1"*.c; do
			compile "tests/sim/$(basename "$file")" "$(basename "$file" .c).o"
		done ;;
	*) compile "tests/sim/$1.c" "$1.o" ;;
	esac
	seeds=$(seeds_of "$1")
	[ "$seeds" = - ] || { cat "$scratch/out" >&2; die "$1 fails without any mutation: $seeds"; }
	: >"$scratch/proven-$1"
}

# How far it is, on a terminal.
tell() {
	[ ! -t 2 ] || printf '\r\033[K%s\r' "$*" >&2
}

fault() {
	tell
	echo "$*"
	faults=$((faults + 1))
}

mutate() { # NAME BY FILE SED
	sed "$4" "$srcdir/$3" >"$scratch/$(basename "$3")" || die "$1: $4"
	object=$scratch/mutant.o
	$cc -I"$(dirname "$srcdir/$3")" -c "$scratch/$(basename "$3")" -o "$object" || { fault "$1: does not compile"; return; }
	line= caught=
	for by in $2; do
		tell "$row_number of $rows: $1: $by"
		proven "$by"
		seeds=$(seeds_of "$by" "$object")
		[ "$seeds" = - ] || [ "$seeds" = late ] || caught=yes
		[ "$seeds" = "does not link" ] && { fault "$1: does not link"; return; }
		line="$line  $by $seeds"
	done
	[ "$caught" ] || { line="$line  SURVIVES"; faults=$((faults + 1)); }
	tell
	printf '%3d  %-52s%s\n' "$row_number" "$1" "$line"
}

check_table
[ "$only_check" ] && exit 0
tell "compiling the rooms"
prepare
row_number=0 rows=$(grep -c '^[^#]' "$table")
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
