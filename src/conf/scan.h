/* The tokens of Lua text, as far as finding keys in tables needs them: names, text, numbers, comments, brackets. */
#ifndef GEMEL_CONF_SCAN_H
#define GEMEL_CONF_SCAN_H
#include <stdbool.h>
#include <stddef.h>

enum token_kind { TOKEN_END = 0, TOKEN_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_OTHER /* one octet, in s[0] */ };
struct token {
	enum token_kind kind;
	const char *s; /* of text: without its quotes, escapes not undone */
	size_t len;
	unsigned line;
};
struct scan {
	const char *p, *end;
	unsigned line;
	struct token t; /* the current one */
};

/* Text that need not end in NUL and may hold anything: nonsense gives nonsense tokens, then TOKEN_END. */
void conf_scan_init(struct scan *s, const char *text, size_t len);
void conf_scan_next(struct scan *s);
bool conf_scan_is(const struct scan *s, char c);                     /* the current token is this octet */
bool conf_scan_token_is(const struct token *t, const char *text);    /* the token's octets are these */
/* +1 for what opens a bracket or a block, -1 for what closes one */
int conf_scan_depth(const struct token *t);
/* The head of an entry of a table: "name =", "[text] =", or nothing for a list item (false). Steps to the value's first
 * token. key: TOKEN_NAME or TOKEN_TEXT, else TOKEN_OTHER for what is no plain name. */
bool conf_scan_key(struct scan *s, struct token *key);

#endif
