#!/bin/sh
# gemelctl without a server: keys, help, wrong words, and finding the socket in a configuration that is partly broken.
set -u
ctl="$builddir/gemelctl"
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
failed=0

# expect STATUS "standard output" "standard error" words…   ("*" = whatever it is)
expect() {
	status=$1 out=$2 err=$3
	shift 3
	"$ctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	if [ $got -ne "$status" ] || { [ "$out" != "*" ] && [ "$(cat "$dir/out")" != "$out" ]; } ||
	   { [ "$err" != "*" ] && [ "$(cat "$dir/err")" != "$err" ]; }; then
		echo "FAILED: gemelctl $*: exit $got, expected $status"
		sed 's/^/out: /' "$dir/out"
		sed 's/^/err: /' "$dir/err"
		failed=1
	fi
}
check() {
	if ! eval "$2"; then
		echo "FAILED: $1"
		failed=1
	fi
}

# keys
umask 077
expect 0 "" "" key new "$dir/a.key"
umask 000
expect 0 "" "" key new "$dir/b.key"
for k in a b; do
	check "$k.key is 0600" '[ "$(stat -c %a "$dir/$k.key")" = 600 ]'
	check "$k.key is one line of 64 hex digits" '[ "$(wc -c <"$dir/$k.key")" -eq 65 ] && grep -Eqx "[0-9a-f]{64}" "$dir/$k.key"'
done
check "two keys differ" '! cmp -s "$dir/a.key" "$dir/b.key"'
cp "$dir/a.key" "$dir/before"
expect 1 "" "gemelctl: $dir/a.key: File exists; a key is never written over" key new "$dir/a.key"
check "a key is never overwritten" 'cmp -s "$dir/a.key" "$dir/before"'
ln -s "$dir/nowhere" "$dir/link"
expect 1 "" "gemelctl: $dir/link: File exists; a key is never written over" key new "$dir/link"
expect 1 "" "gemelctl: $dir/no/such/x.key: No such file or directory" key new "$dir/no/such/x.key"
usage="gemelctl: usage: gemelctl key [new FILE|accept FILE|send ID|drop ID] [--force]"
expect 2 "" "$usage" key old "$dir/x.key"
expect 2 "" "$usage" key new
expect 2 "" "$usage" key new "$dir/x.key" --force
expect 2 "" "$usage" key accept "$dir/x.key" more

# words
expect 2 "" "*"
expect 2 "" "*" --frobnicate status
expect 0 "*" "" --help
expect 0 "*" "" help
expect 0 "*" "" --version
service="usage: gemelctl service NAME
one service with its members
  --json          one JSON document instead of what people read"
expect 0 "$service" "" help service
expect 0 "$service" "" service --help
expect 0 "$service" "" service -h
expect 0 "$service" "" service www.example.test --help # whatever else stands there, no server is asked
expect 0 "usage: gemelctl auto WHAT [--reason TEXT] [--force]
end an override: the checks decide again
  WHAT            service, glob of them, address, SERVICE/ADDRESS, host, site:NAME
  --json          one JSON document instead of what people read
  --reason TEXT   why, for others to read
  --force         do it although it is refused without" "" auto --help
expect 0 "*" "" key --help
expect 2 "" "gemelctl: -c stands before the verb: gemelctl -c … status" status -c x.lua
expect 2 "" "gemelctl: -n stands before the verb: gemelctl -n … status" status -n ns1
expect 0 "*" "" help help
expect 2 "" 'gemelctl: unknown verb "nothing"; expected one of `gemelctl help`' help nothing
expect 2 "" 'gemelctl: unknown verb "staus"; did you mean "status"' help staus
expect 2 "" 'gemelctl: unknown verb "staus"; did you mean "status"' staus
for words in help "help service" "service --help" "completion bash" "key new $dir/j.key"; do
	# shellcheck disable=SC2086
	"$ctl" --json $words >"$dir/out" 2>"$dir/err"
	check "--json $words is one document" '[ $? = 0 ] && [ ! -s "$dir/err" ] && python3 -c "import json, sys; json.load(sys.stdin)" <"$dir/out"'
done
check "help tells of one verb" '"$ctl" help service --json | grep -qx "{\"verbs\":\[{\"verb\":\"service\",\"usage\":\"NAME\",\"help\":\"[^\"]*\"}\]}"'
"$ctl" help >"$dir/out"
for verb in status services service targets peers zones events explain down up drain auto failback reload probe test stats top overrides windows maint what-if completion help key stop; do
	check "help lists $verb" "grep -q '^  $verb\( \|\$\)' '$dir/out'"
done

# the socket
expect 1 "" "gemelctl: no server at $dir/none.sock: No such file or directory" -s "$dir/none.sock" status
expect 2 "GEMEL CRITICAL - no server at $dir/none.sock: No such file or directory" "" -s "$dir/none.sock" status --check
expect 1 "" "$dir/none.lua: cannot read $dir/none.lua: No such file or directory; expected a configuration file; -s SOCKET reaches the server without it" -c "$dir/none.lua" status
expect 3 "GEMEL UNKNOWN - $dir/none.lua does not say where the server is" "*" -c "$dir/none.lua" status --check
cat >"$dir/broken.lua" <<'END'
node "ns1" { id = 1, listen = { "127.0.0.1:5301" }, control = "run/one.sock", state = "run/ns1" }
node "ns2" { id = 2, listen = { "127.0.0.1:5302" }, control = "run/two.sock", state = "run/ns2" }
zone "example.test" { file = "there-is-no-such.zone" }
check "web" { script = "there-is-no-such-script" }
service "www.example.test" { chekc = "web" }
END
real=$(cd "$dir" && pwd -P)
expect 1 "" "gemelctl: no server at $real/run/two.sock: No such file or directory" -c "$dir/broken.lua" -n ns2 status
expect 1 "" "*" -c "$dir/broken.lua" -n ns3 status
check "an unknown node lists the nodes" 'grep -q ns1 "$dir/err" && grep -q ns2 "$dir/err"'

exit $failed
