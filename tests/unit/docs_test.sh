#!/bin/sh
# The manual pages against the tables they describe, both ways, so that they cannot drift.
#
#     src/conf/schema.c  keys_NAME[] = { … .name = "id" … }    .Ss NAME … .It Ic id … text      doc/gemel.lua.5
#                        words_NAME[] = { {"local", …} … }     .It Qq local … text
#     src/ctl/verbs.c    verbs[] = { { "status", … } … }       .It Ic status … text            doc/gemelctl.1
#     src/pair/vote.c    case PAIR_ACTIVE: return "active";    .Ss Link … .It Ic active         doc/gemel-pair.7
#
# Of a key: its default, its bounds where it is an integer, and whether it is built; of a verb: its options, and whether it is
# built. Runs on the sources alone; asks mandoc, where there is one, what it thinks of the pages.
set -u
export LC_ALL=C
srcdir=${srcdir:-.}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
faults=0
fault() { echo "FAULT: $*"; faults=$((faults + 1)); }

# ---- the sources: a line a row, "block key default bounds built" with - for none ----

# Joins the lines of one entry, which ends in "}," or "};" at the end of a line.
join() { awk '{ sub(/^[ \t]+/, ""); row = row " " $0 } /}[,;]$/ { print row; row = "" }'; }

schema_keys() {
	awk '/^static const struct schema_key keys_/ { on = 1; sub(/.*keys_/, ""); sub(/\[.*/, ""); print "BLOCK " $0; next }
	     /^};/ { on = 0 } on' "$srcdir/src/conf/schema.c" |
	awk '/^BLOCK / { print; next } { sub(/^[ \t]+/, ""); row = row " " $0 } /},$/ { print row; row = "" }' |
	awk 'function field(name) {
		if (!match($0, "\\." name " = [^,}]*")) return "-"
		v = substr($0, RSTART, RLENGTH); sub(/.* = /, "", v); gsub(/"/, "", v)
		return v == "" ? "-" : v }
	     /^BLOCK / { block = $2; next }
	     { bounds = field("type") == "SCHEMA_INTEGER" ? "From_" field("min") "_to_" field("max") "." : "-"
	       print block, field("name"), field("fallback"), bounds, /\.unbuilt = / ? "no" : "yes" }'
}

schema_words() {
	awk '/^static const struct schema_word words_/ { on = 1 } on; /};/ { on = 0 }' "$srcdir/src/conf/schema.c" | tr -d '\n' |
	tr '{' '\n' | awk -F, '/^"/ { gsub(/[" \t}]/, "", $1); print $1, $3 ~ /NULL/ ? "yes" : "no" }' | sort -u
}

verbs() {
	awk '/^static const struct verb verbs\[\]/ { on = 1; next } /^};/ { on = 0 } on' "$srcdir/src/ctl/verbs.c" | join |
	awk '{ name = $0; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
	       what = /WHAT_USAGE/ ? usage : $0; n = 0
	       while (match(what, /\[-+[a-z]+/)) {
		       option[n++] = substr(what, RSTART + 1, RLENGTH - 1); what = substr(what, RSTART + RLENGTH) }
	       options = "-"
	       for (i = 0; i < n; i++) options = options (i ? "," : "") option[i]
	       print name, / true, [^"]*NULL }/ ? "yes" : / NULL },?$/ ? "no" : "yes", options }' usage="$(
		sed -n 's/^#define WHAT_USAGE //p' "$srcdir/src/ctl/verbs.c")"
}

# ---- the pages: "block key", then its text on the lines after, up to the next item ----

# items FILE HEADING MACRO: prints "HEADING'S ARGUMENT<tab>NAME<tab>TEXT"; nested words (.It Qq) end a key's text too.
items() {
	awk -v macro="$3" -v heading="$2" '
		function flush() { if (name != "") print block "\t" name "\t" text; name = text = "" }
		index($0, heading " ") == 1 { flush(); block = substr($0, length(heading) + 2); next }
		/^\.S[hs] / || /^\.It / || /^\.El/ { flush() }
		/^\.It / { line = $0; sub(/^\.It (Xo )?/, "", line)
			if (index(line, macro " ") == 1) { name = line; sub(/^[^ ]* /, "", name); rest = name; sub(/ .*/, "", name)
				text = rest; next } }
		{ text = text " " $0 }
		END { flush() }' "$1"
}

page=$srcdir/doc/gemel.lua.5
schema_keys > "$work/keys"
schema_words > "$work/words"
items "$page" .Ss Ic > "$work/page_keys"
items "$page" .Ss Qq | cut -f 2,3 > "$work/page_words"
verbs > "$work/verbs"
items "$srcdir/doc/gemelctl.1" .Sh Ic | awk -F '\t' '$1 == "VERBS"' > "$work/page_verbs"
[ "$(wc -l < "$work/keys")" -gt 40 ] || fault "only $(wc -l < "$work/keys") keys were found in the schema table"
[ "$(wc -l < "$work/words")" -gt 10 ] || fault "only $(wc -l < "$work/words") words were found in the schema table"
[ "$(wc -l < "$work/verbs")" -gt 15 ] || fault "only $(wc -l < "$work/verbs") verbs were found in the table"

# built PAGE NAME yes|no TEXT: "ot built yet" stands in the text of what is not built, and at the start of a sentence.
built() {
	case "$3 $4" in
	"yes "*"Not built yet"*) fault "$1: $2 is built, but \"Not built yet\" stands there" ;;
	"no "*"ot built yet"*) ;;
	"no "*) fault "$1: $2 is not built; expected the words \"Not built yet\"" ;;
	esac
}

while read -r block key default bounds is_built; do
	text=$(awk -F '\t' -v b="$block" -v k="$key" '$1 == b && $2 == k { print $3; found = 1 } END { if (!found) print "ABSENT" }' "$work/page_keys")
	if [ "$text" = ABSENT ]; then
		fault "gemel.lua(5) lacks the key $key of $block; expected \".It Ic $key\" under \".Ss $block\""
		continue
	fi
	built "gemel.lua(5)" "$block.$key" "$is_built" "$text"
	[ "$default" = - ] || case "$text" in
	*"Default: $default."*) ;;
	*) fault "gemel.lua(5): $block.$key has another default; expected \"Default: $default.\"" ;;
	esac
	case "$bounds" in
	-|*[A-Z]*_MAX*) continue ;;
	esac
	case "$text" in
	*"$(echo "$bounds" | tr _ ' ')"*) ;;
	*) fault "gemel.lua(5): $block.$key has other bounds; expected \"$(echo "$bounds" | tr _ ' ')\"" ;;
	esac
done < "$work/keys"
cut -f 1,2 "$work/page_keys" | while IFS='	' read -r block key; do
	grep -q "^$block $key " "$work/keys" || echo "FAULT: gemel.lua(5) tells of the key $key of $block, which the schema table does not have"
done > "$work/strange"

while read -r word is_built; do
	text=$(awk -F '\t' -v w="$word" '$1 == w { print $2; found = 1 } END { if (!found) print "ABSENT" }' "$work/page_words")
	if [ "$text" = ABSENT ]; then
		fault "gemel.lua(5) lacks the word \"$word\"; expected \".It Qq $word\""
		continue
	fi
	case "$is_built $text" in
	"yes "*"built yet"*) fault "gemel.lua(5): \"$word\" is built, but \"not built yet\" stands there" ;;
	"no "*"not built yet"*|"yes "*) ;;
	*) fault "gemel.lua(5): \"$word\" is not built; expected the words \"not built yet\"" ;;
	esac
done < "$work/words"
cut -f 1 "$work/page_words" | while read -r word; do
	grep -q "^$word " "$work/words" || echo "FAULT: gemel.lua(5) tells of the word \"$word\", which the schema table does not have"
done >> "$work/strange"

while read -r verb is_built options; do
	text=$(awk -F '\t' -v v="$verb" '$2 == v { print $3; found = 1 } END { if (!found) print "ABSENT" }' "$work/page_verbs")
	if [ "$text" = ABSENT ]; then
		fault "gemelctl(1) lacks the verb $verb; expected \".It Ic $verb\" in VERBS"
		continue
	fi
	built "gemelctl(1)" "$verb" "$is_built" "$text"
	for option in $(echo "${options#-}" | tr , ' '); do
		case "$text " in
		*" Fl ${option#-} "*) ;;
		*) fault "gemelctl(1): $verb lacks the option $option; expected \"Fl ${option#-}\"" ;;
		esac
	done
done < "$work/verbs"
cut -f 2 "$work/page_verbs" | while read -r verb; do
	grep -q "^$verb " "$work/verbs" || echo "FAULT: gemelctl(1) tells of the verb $verb, which the table does not have"
done >> "$work/strange"
cat "$work/strange"
faults=$((faults + $(wc -l < "$work/strange")))

# ---- the states of a pair ----
states() { # FUNCTION
	awk -v f="const char *$1(" 'index($0, f) == 1 { on = 1 } /^}/ { on = 0 } on && /return "/ { gsub(/.*return "|".*/, ""); print }' \
		"$srcdir/src/pair/vote.c" | grep -vx none | sort -u
}
items "$srcdir/doc/gemel-pair.7" .Ss Ic > "$work/page_states"
for both in Self:pair_self_state_text Link:pair_link_state_text; do
	states "${both#*:}" > "$work/states"
	awk -F '\t' -v b="${both%%:*}" '$1 == b { print $2 }' "$work/page_states" | sort -u > "$work/told"
	[ "$(wc -l < "$work/states")" -gt 4 ] || fault "only $(wc -l < "$work/states") states were found in ${both#*:}"
	for word in $(comm -23 "$work/states" "$work/told"); do
		fault "gemel-pair(7) lacks the state $word; expected \".It Ic $word\" under \".Ss ${both%%:*}\""
	done
	for word in $(comm -13 "$work/states" "$work/told"); do
		fault "gemel-pair(7) tells of the state $word, which ${both#*:} does not have"
	done
done

# ---- what the functions of checks take as options; that the functions themselves are told of is script_docs_test.c's ----
lua=$srcdir/doc/gemel-lua.7
options_of() { # FILE FUNCTION: the words of its table of names
	awk -v f="$2" '/^[a-z].*\(/ { on = index($0, " " f "(") || index($0, "*" f "(") } on' "$srcdir/src/script/$1" |
		awk '/static const char \*const (known|names)\[\] = / { on = 1 } on { print } on && /;/ { exit }' |
		grep -o '"[a-z_]*"' | tr -d '"' | sort -u
}
told_of() { # HEAD: the page from that line to the next function or heading
	awk -v head="$1" 'on && /^\.(It Fn|Ss|Sh)/ { exit } index($0, head) == 1 { on = 1 } on' "$lua"
}
for row in '.It Fn net.connect:api.c:net_connect' '.It Fn http.get:http.c:copy_options' '.It Fn dns.query:dns.c:dns_query' \
	'.It Fn ping:ping.c:ping' '.It Fn run:plugin.c:plugin_run' '.It Fn tls.info:tls.c:tls_info' '.Ss TLS:tls.c:tls_check'; do
	head=${row%%:*} function=${row##*:}
	file=${row#*:} file=${file%%:*}
	options_of "$file" "$function" > "$work/options"
	[ -s "$work/options" ] || fault "no options were found in $function of src/script/$file"
	told_of "$head" > "$work/section"
	[ "$function" != tls_info ] || told_of '.Ss TLS' >> "$work/section"
	while read -r option; do
		grep -q "^\.\(It \)\{0,1\}Ic .*\b$option\b" "$work/section" || fault "gemel-lua(7): ${head#.* } lacks the option $option; expected \".Ic $option\" there"
	done < "$work/options"
	[ "$function" != tls_info ] || continue
	for option in $(sed -n 's/^\.It Ic //p' "$work/section" | tr -d ','); do
		grep -qx "$option" "$work/options" || fault "gemel-lua(7): ${head#.* } tells of the option $option, which src/script/$file does not know"
	done
done

# ---- exit statuses ----
statuses() { # FILE: those of EXIT STATUS
	awk '/^\.Sh EXIT STATUS/ { on = 1; next } /^\.Sh/ { on = 0 } on && /^\.It [0-9]/ { print $2 }' "$1" | tr '\n' ' '
}
for man in gemeld.8 gemelctl.1; do
	[ "$(statuses "$srcdir/doc/$man")" = "0 1 2 " ] || fault "$man tells of the statuses $(statuses "$srcdir/doc/$man"); expected 0, 1 and 2"
done

# ---- the pages as such ----
for man in gemeld.8 gemelctl.1 gemel.lua.5 gemel-lua.7 gemel-pair.7; do
	[ -f "$srcdir/doc/$man" ] || { fault "doc/$man is missing"; continue; }
	command -v mandoc > /dev/null || continue
	# Pages that refer to each other are only found once installed.
	mandoc -T lint "$srcdir/doc/$man" 2> /dev/null | grep -v 'referenced manual not found' > "$work/lint"
	[ ! -s "$work/lint" ] || { cat "$work/lint"; fault "mandoc has something to say of doc/$man"; }
done
for script in "$srcdir"/lua/*.lua; do
	name=$(basename "$script" .lua)
	case $name in *_test) continue ;; esac
	grep -q "^\.It Ic $name\$" "$srcdir/doc/gemel-lua.7" || fault "gemel-lua(7) lacks the bundled check $name"
done

# ---- the README's two commands: a wrong word is told at once, before anything is installed or built ----
mkdir "$work/contrib"
for command in demo check; do
	cp "$srcdir/contrib/$command" "$work/contrib/" # where there is nothing to build
	sh "$work/contrib/$command" --help > "$work/out" 2>&1
	[ "$? $(cut -c 1-6 "$work/out")" = "2 usage:" ] || fault "contrib/$command --help: $(head -n 1 "$work/out"); expected how it is used, and status 2"
done
[ "$faults" = 0 ] && echo "the manual tells the truth: $(wc -l < "$work/keys") keys, $(wc -l < "$work/words") words, $(wc -l < "$work/verbs") verbs"
[ "$faults" = 0 ]
