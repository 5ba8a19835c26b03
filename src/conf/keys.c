/* Does the private key of a check fit its certificate? Only a library of cryptography can tell, and this room knows none: whoever
 * loads the configuration brings the answer.
 *
 *     args = { cert = "prober.pem", key = "prober.key" }      every key must fit one of the check's certificates, by declared type
 */
#include <string.h>

#include "conf/internal.h"

static unsigned files_of(const struct conf_check *k, const struct conf_arg *a)
{
	for (size_t i = 0; i < k->script->arg_count; i++)
		if (!strcmp(k->script->args[i].name, a->name))
			return a->value->type == CONF_STRING ? k->script->args[i].types & SCRIPT_ARG_FILES : 0;
	return 0;
}

static struct script_pem pem_of(const struct conf *c, const struct conf_arg *a)
{
	const struct conf_pem *p = conf_pem_get(c, a->value->string.s);

	return (struct script_pem){p ? p->text : NULL, p ? p->len : 0};
}

static void judge_key(struct conf *c, const struct conf_check *k, const struct conf_arg *key, conf_key_fits fits)
{
	struct script_pem key_pem = pem_of(c, key), cert_pem;
	const struct conf_arg *cert = NULL;

	for (size_t i = 0; i < k->arg_count && key_pem.data; i++) {
		if (files_of(k, &k->args[i]) != SCRIPT_ARG_CERTIFICATES)
			continue;
		cert_pem = pem_of(c, &k->args[i]);
		if (!cert_pem.data || fits(&cert_pem, &key_pem))
			return;
		if (!cert || !strcmp(k->args[i].name, "cert")) /* the one to name */
			cert = &k->args[i];
	}
	if (cert)
		conf_fault(c, key->value, "the file %s holds no private key that fits the certificate in %s; expected the key of that certificate",
			   key->value->string.s, cert->value->string.s);
}

void conf_check_keys(struct conf *c, conf_key_fits fits, struct diags *d)
{
	c->d = d;
	for (const struct conf_check *k = c->checks; k; k = k->next)
		for (size_t i = 0; k->script && i < k->arg_count; i++)
			if (files_of(k, &k->args[i]) == SCRIPT_ARG_KEY)
				judge_key(c, k, &k->args[i], fits);
}
