/* What Lua's own faults lack for people who write no Lua: what was expected instead.  See luafault.h. */
#include "conf/luafault.h"

#include <string.h>

#include "conf/scan.h"
#include "conf/value.h"

/* The first whose words stand in the text; of syntax the narrow ones first. */
static const struct { const char *words, *expected; } hints[] = {
	{"near <eof>", "; expected the end of what was opened: a } is missing, or an end"},
	{"'}' expected", "; is a comma missing before it, or a } after the last value"},
	{"near '<\\226>'", "; expected plain quotes and dashes (\" and -), not those of typesetting"},
	{"malformed number near", "; expected a number, or text in quotes: is a quote missing before it"},
	{"function arguments expected near ':'", "; expected Lua, such as node \"NAME\" { … }, where = stands between a key and its value"},
	{"unfinished string", "; expected the quote that closes it in the same line"},
	{"near '#'", "; expected a statement (a comment begins with --)"},
	{"near '//'", "; expected a statement (a comment begins with --)"},
	{"syntax error near", "; expected a statement of Lua, such as zone \"NAME\" { … }"},
	{"<name> expected", "; expected a statement of Lua, such as zone \"NAME\" { … }"},
	{"unexpected symbol near", "; expected a name, a number, text in quotes or a { … }"},
	{"unfinished long", "; expected the ]] that closes it"},
	{"stack overflow", "; expected data: a function calls itself without end"},
	{"resulting string too large", "; expected shorter text"},
	{"attempt to call a nil value", "; expected a function, or the name of a block, before the { … } or the text"},
	{"attempt to call a", "; expected a function: is a comma missing between two values"},
	{"attempt to index a nil value", "; expected a table: it was never set"},
	{"attempt to concatenate a nil value", "; expected text: it was never set"},
	{"attempt to ", "; expected values that this can be done with"},
};

const char *conf_luafault_hint(const char *text)
{
	if (strstr(text, "; expected"))
		return "";
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (strstr(text, hints[i].words))
			return hints[i].expected;
	return "";
}

unsigned conf_luafault_assignment(const struct conf_source *s, const char *name)
{
	struct scan sc;
	struct token before;
	int depth = 0;

	conf_scan_init(&sc, s->text, s->len);
	for (conf_scan_next(&sc); sc.t.kind != TOKEN_END;) {
		before = sc.t;
		depth += conf_scan_depth(&sc.t);
		conf_scan_next(&sc);
		if (depth != 0 || before.kind != TOKEN_NAME || !conf_scan_token_is(&before, name) || !conf_scan_is(&sc, '='))
			continue;
		conf_scan_next(&sc);
		if (!conf_scan_is(&sc, '=')) /* no comparison */
			return before.line;
	}
	return 0;
}
