#!/bin/sh
# Every row of mutations.txt still takes a rule away; `make soak` sees who notices.
exec sh "${srcdir:-.}/tests/sim/mutations.sh" --check
