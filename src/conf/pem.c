/* Files that a check names, certificates and private keys in PEM (RFC 7468): read here, so that the prober, which has no
 * business with files, gets their octets with the plan; and looked at here, so that a broken one is told at its line.
 *
 *     -----BEGIN CERTIFICATE-----      a label, the same at the end
 *     MIIBszCCAVmg…                    base64
 *     -----END CERTIFICATE-----        what stands between blocks is anybody's comment
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/files.h"
#include "conf/internal.h"

#define LABEL_MAX 64
#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

struct found { /* in one file */
	unsigned certificates, keys;
};

/* The label of a line "-----BEGIN label-----"; false where it is none. */
static bool label_read(const char *line, size_t len, const char *word, char label[LABEL_MAX])
{
	size_t skip = strlen(word), tail = strlen(DASHES), n;

	if (len < skip + tail || memcmp(line, word, skip) || memcmp(line + len - tail, DASHES, tail))
		return false;
	n = len - skip - tail;
	if (n == 0 || n >= LABEL_MAX)
		return false;
	memcpy(label, line + skip, n);
	label[n] = '\0';
	return true;
}

static bool is_base64(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((line[i] >= 'A' && line[i] <= 'Z') || (line[i] >= 'a' && line[i] <= 'z') ||
		      (line[i] >= '0' && line[i] <= '9') || line[i] == '+' || line[i] == '/' || line[i] == '='))
			return false;
	return true;
}

/* The line at *text without its end, and *text past it; false after the last. */
static bool line_next(const char **text, const char **line, size_t *len)
{
	*line = *text;
	if (**text == '\0')
		return false;
	*len = strcspn(*text, "\n");
	*text += *len + ((*text)[*len] == '\n');
	while (*len > 0 && ((*line)[*len - 1] == '\r' || (*line)[*len - 1] == ' '))
		--*len;
	return true;
}

/* After a BEGIN line: NULL, or what is wrong. */
static const char *block_read(const char **text, const char *label)
{
	const char *line;
	char end[LABEL_MAX];
	size_t len, body = 0;

	while (line_next(text, &line, &len)) {
		if (label_read(line, len, END, end))
			return strcmp(end, label) ? "a block ends with another label than it begins with" :
			       body ? NULL : "an empty block";
		if (!strncmp(line, "Proc-Type:", 10))
			return "a key with a passphrase, which nobody could enter";
		if (!is_base64(line, len))
			return "a block that is not base64";
		body += len;
	}
	return "a block without its end";
}

static const char *pem_look(const char *text, size_t size, struct found *f)
{
	const char *line, *fault;
	char label[LABEL_MAX];
	size_t len;

	if (memchr(text, '\0', size))
		return "octets that are no text";
	while (line_next(&text, &line, &len)) {
		if (!label_read(line, len, BEGIN, label))
			continue;
		if (!strcmp(label, "ENCRYPTED PRIVATE KEY"))
			return "a key with a passphrase, which nobody could enter";
		f->certificates += !strcmp(label, "CERTIFICATE");
		len = strlen(label);
		f->keys += len >= 11 && !strcmp(label + len - 11, "PRIVATE KEY");
		fault = block_read(&text, label);
		if (fault)
			return fault;
	}
	return NULL;
}

static void fault_unread(struct conf *c, const struct conf_value *v, const char *path, int r)
{
	conf_fault(c, v, "cannot read the file %s: %s; expected certificates or a key in PEM", path,
		   r == ERR_IO ? strerror(errno) : "larger than any such file");
}

static struct conf_pem *pem_load(struct conf *c, const struct conf_value *v)
{
	struct conf_pem *p = c->pem_count++ < PLAN_FILES_MAX ? conf_alloc(c, 1, sizeof *p) : NULL;
	const char *path = conf_join(c, v->string.s);
	int r;

	if (c->pem_count > PLAN_FILES_MAX) {
		conf_fault(c, v, "more than %d files named by checks; expected fewer", PLAN_FILES_MAX);
		return NULL;
	}
	if (!p || !path) {
		c->failed = true;
		return NULL;
	}
	p->name = v->string.s;
	p->index = UINT32_MAX;
	r = conf_files_read(path, PLAN_FILE_LEN_MAX, &p->text, &p->len);
	if (r == ERR_NOMEM)
		c->failed = true;
	else if (r)
		fault_unread(c, v, path, r);
	if (r)
		p->text = NULL;
	p->next = c->pems;
	c->pems = p;
	return p;
}

struct conf_pem *conf_pem_get(const struct conf *c, const char *name)
{
	struct conf_pem *p = c->pems;

	while (p && strcmp(p->name, name))
		p = p->next;
	return p;
}

bool conf_pem_ok(struct conf *c, const struct conf_value *v, unsigned type)
{
	struct conf_pem *p = conf_pem_get(c, v->string.s);
	struct found f = {0, 0};
	const char *fault;

	if (!p)
		p = pem_load(c, v);
	else if (!p->text)
		fault_unread(c, v, v->string.s, ERR_IO);
	if (!p || !p->text)
		return false;
	fault = pem_look(p->text, p->len, &f);
	if (!fault && type == SCRIPT_ARG_CERTIFICATES && !f.certificates)
		fault = "no certificate";
	if (!fault && type == SCRIPT_ARG_KEY && !f.keys)
		fault = "no private key";
	if (fault)
		conf_fault(c, v, "the file %s holds %s; expected %s in PEM", v->string.s, fault,
			   type == SCRIPT_ARG_KEY ? "a private key" : "certificates");
	return !fault;
}

void conf_pems_free(struct conf *c)
{
	for (struct conf_pem *p = c->pems; p; p = p->next) {
		if (p->text)
			explicit_bzero(p->text, p->len);
		free(p->text);
	}
	c->pems = NULL;
}
