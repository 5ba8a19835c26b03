/* node.http_admin: the file with the token that may change things over HTTP.  Only the node that runs reads its own.
 *
 *     9f3c…64 hex digits…   one line of 20 to 128 visible ASCII characters; mode 0600
 */
#include <stdlib.h>
#include <string.h>
#include "conf/internal.h"

#define TOKEN_MIN 20 /* octets: what is shorter can be guessed, whatever it is made of */
#define FILE_MAX 4096
#define TOKEN_EXPECTED "expected one line of 20 to 128 visible characters, mode 0600, as \"gemelctl key new FILE\" writes"

static size_t token_len(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] > ' ' && text[n] < 0x7f)
		n++;
	return strspn(text + n, "\r\n") == len - n ? n : 0;
}

static void take_token(struct conf *c, const struct conf_value *v, const char *path, const char *text, size_t len)
{
	size_t n = token_len(text, len);

	if (n < TOKEN_MIN || n > sizeof c->admin.token) {
		conf_fault(c, v, "the token file %s holds no token (%zu octets); " TOKEN_EXPECTED, path, len);
	} else {
		memcpy(c->admin.token, text, n);
		c->admin.token_len = (uint8_t)n;
	}
}

void conf_build_admin(struct conf *c)
{
	const struct conf_value *v = c->self < 0 ? NULL : c->node_fields[c->self].v[NODE_HTTP_ADMIN];
	const char *path = v ? conf_join(c, v->string.s) : NULL;
	char *text;
	size_t len;

	if (!path)
		return;
	if (!c->nodes[c->self].http.family)
		conf_fault(c, v, "node \"%s\" has \"http_admin\" and no \"http\"; expected the ADDRESS:PORT to administer it at",
			   c->nodes[c->self].name);
	if (conf_secret_read(c, v, &(struct conf_secret){"token", path, TOKEN_EXPECTED, FILE_MAX}, &text, &len))
		return;
	take_token(c, v, path, text, len);
	explicit_bzero(text, len);
	free(text);
}
