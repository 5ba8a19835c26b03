#!/bin/sh
# The models of links, of the ways between two nodes and of sessions hold, and each fails when a rule is taken away.
#
#     spin_test.sh          small
#     spin_test.sh soak     more restarts, more that breaks; some minutes and some GiB
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v spin >/dev/null || { echo "no spin"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
faults=0
exec 3>&2 # where a terminal may be

# pan, and on a terminal how far it is: a line that is written over.
search() {
	[ -t 3 ] || { ./pan -a -f -n -m1000000 "$@"; return; }
	./pan -a -f -n -m1000000 "$@" &
	searched=0
	while kill -0 $! 2>/dev/null; do
		states=$(sed -n 's/.* States= *\([^ ]*\) .*/, \1 states/p' ../out | tail -n 1)
		printf '\r\033[K%s: %d s%s\r' "$about" "$searched" "$states" >&3
		sleep 1
		searched=$((searched + 1))
	done
	printf '\r\033[K' >&3
	wait $!
}

# explore MODEL SOURCE "DEFINES" [CLAIM]: prints spin's verdict; pan's search is in $scratch/out.
explore() {
	about="$1${3:+ $3}${4:+ $4}"
	rm -rf "$scratch/run" && mkdir "$scratch/run" && cd "$scratch/run" || exit 1
	# spin's preprocessor takes the defines; the model's C finds its header and the product's code.
	# shellcheck disable=SC2086
	spin -a $3 "$srcdir/tests/spin/$1.pml" > ../out 2>&1 &&
	cc -O2 -w -DCOLLAPSE -DNFAIR=4 -I"$srcdir/tests/spin" -I"$srcdir/src" -o pan pan.c "$srcdir/src/pair/$2.c" >> ../out 2>&1 &&
	search ${4:+-N "$4"} >> ../out 2>&1 || { cat ../out; exit 1; }
	sed -n 's/.*depth reached.*errors: //p' ../out
}

holds() {
	errors=$(explore "$@") || { echo "$errors"; exit 1; }
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$scratch/out")
	if [ "$errors" != 0 ] || grep -q "max search depth too small\|out of memory" "$scratch/out"; then
		echo "FAULT: $1 $3 $4"; cat "$scratch/out"; faults=$((faults + 1))
	else
		echo "$1 $3 $4: holds, $states states"
	fi
}

fails() {
	errors=$(explore "$@") || { echo "$errors"; exit 1; }
	if [ "$errors" = 0 ]; then
		echo "FAULT: $1 $4 holds without the rule ($3)"; faults=$((faults + 1))
	else
		echo "$1 $3 $4: fails, as it must"
	fi
}

if [ "$1" = soak ]; then
	for claim in datagrams stream; do holds ways link -DEVENTS=9 $claim; done
	holds session session -DRESTARTS=2
	exit $faults
fi
holds links link ""
for rule in ECHO SYNC GREETING; do fails links link -DNO_$rule; done
for claim in datagrams stream; do holds ways link -DEVENTS=4 $claim; done
fails ways link "-DEVENTS=1 -DNO_SECOND_WAY" datagrams
fails ways link "-DEVENTS=1 -DNO_TCP" stream
holds session session -DRESTARTS=1
for rule in WINDOW LOT REFUTE ANSWER_TO_OLD; do fails session session "-DRESTARTS=1 -DNO_$rule"; done
exit $faults
