/* Faults of Lua itself, made plain.
 *
 *     '}' expected (to close '{' at line 2) near 'tiers'   →   …; is a comma missing before it, or a } after the last value
 */
#ifndef GEMEL_CONF_LUAFAULT_H
#define GEMEL_CONF_LUAFAULT_H
struct conf_source;

/* What to put behind the text; "" where it needs nothing, or nothing is known. */
const char *conf_luafault_hint(const char *text);
/* The line in which the file sets a name, outside of any block: service = "www". 0 = it does not. */
unsigned conf_luafault_assignment(const struct conf_source *s, const char *name);

#endif
