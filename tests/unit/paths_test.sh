#!/bin/sh
# The programs have no path of the folders they were made in, nor one that depends on where the build folder lies: what is
# generated is src/…, as all else. contrib/build-twice compares whole builds; this is what of it is over at once.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
source=$(cd "$srcdir" && pwd -P) build=$(cd "$builddir" && pwd -P)
command -v strings > /dev/null || { echo "strings is not installed"; exit 77; }
faults=0
for program in gemeld gemelctl; do
	strings -a -n 4 "$builddir/$program" > "$builddir/$program.strings" || exit 99
	for path in '^\./src/' "$source/src" "$build/src"; do
		grep -e "$path" "$builddir/$program.strings" | head -n 3 | sed "s|^|FAULT: $program has |"
		! grep -q -e "$path" "$builddir/$program.strings" || faults=1
	done
	rm -f "$builddir/$program.strings"
done
exit $faults
