#!/bin/sh
# Every bundled check has cases beside it, and they come out as they should.
srcdir=${srcdir:-.} builddir=${builddir:-.}
faults=0
for check in "$srcdir"/lua/*.lua; do
	case $check in *_test.lua) continue ;; esac
	name=$(basename "$check" .lua)
	if [ ! -f "$srcdir/lua/${name}_test.lua" ]; then
		echo "FAULT: lua/$name.lua has no lua/${name}_test.lua"
		faults=$((faults + 1))
		continue
	fi
	echo "== $name"
	"$builddir/gemelctl" test "$check" || faults=$((faults + 1))
done
[ "$faults" -eq 0 ]
