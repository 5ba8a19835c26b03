#!/bin/sh
# page.sh PAGE.html → C on standard output: the page's octets, and the policy that lets a browser run its own script and style,
# known by their hashes, and nothing else. The page has one <style> and one <script>, each tag on a line of its own.
set -eu
export LC_ALL=C
page=$1

# What stands between the tags, as a browser hashes it: from behind ">" to before "</".
between() {
	awk -v tag="$1" '
		index($0, "</" tag ">") == 1 { inside = 0; done++ }
		inside { printf "%s\n", $0 }
		$0 == "<" tag ">" { inside = 1; printf "\n" }
		END { if (done != 1) exit 1 }' "$page"
}

hash_of() {
	between "$1" > /dev/null || { echo "page.sh: $page has not one <$1>" >&2; exit 1; }
	octal=$(between "$1" | sha256sum | cut -c 1-64 | awk '{
		for (i = 1; i < 64; i += 2)
			printf "\\%03o", (index("0123456789abcdef", substr($0, i, 1)) - 1) * 16 + index("0123456789abcdef", substr($0, i + 1, 1)) - 1
	}')
	# shellcheck disable=SC2059
	printf "$octal" | base64
}

script=$(hash_of script)
style=$(hash_of style)
tag=$(sha256sum < "$page" | cut -c 1-16)
cat << END
/* Made from page.html by page.sh. */
#include "ctl/page.h"

const char page_policy[] = "default-src 'none'; script-src 'sha256-$script'; style-src 'sha256-$style'; "
	"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const char page_tag[] = "\"$tag\"";
const uint8_t page_html[] = {
END
od -An -v -tu1 "$page" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
cat << END
};
const size_t page_html_len = sizeof page_html;
END
