/* See redirect.h. */
#include "script/redirect.h"
#include <string.h>
#include <strings.h>

#define PORT_PLAIN 80
#define PORT_TLS 443

/* Nothing in it may end a line or a word of the request. */
static bool is_clean(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f)
			return false;
	return len > 0;
}

/* "host", "host:port", "[v6]:port". Only the port is looked at: what stands before is the Host header's, as it is. */
static int read_authority(struct place *to, const char *s, size_t len)
{
	const char *colon = memrchr(s, ':', len), *bracket = memrchr(s, ']', len);
	uint32_t port = 0;

	if (len == 0 || memchr(s, '@', len) != NULL)
		return ERR_FORMAT;
	if (len > REDIRECT_HOST_MAX)
		return ERR_LIMIT;
	if (colon != NULL && (bracket == NULL || colon > bracket)) {
		if (colon == s || colon + 1 == s + len)
			return ERR_FORMAT;
		for (const char *p = colon + 1; p < s + len; p++) {
			if (*p < '0' || *p > '9' || port > 65535)
				return ERR_FORMAT;
			port = port * 10 + (uint32_t)(*p - '0');
		}
		if (port == 0 || port > 65535)
			return ERR_FORMAT;
	}
	to->port = (uint16_t)(port != 0 ? port : to->tls ? PORT_TLS : PORT_PLAIN);
	memcpy(to->host, s, len);
	to->host[len] = '\0';
	return 0;
}

/* Keeps the first keep octets of the path there is, and puts s behind them. */
static int set_path(struct place *to, size_t keep, const char *s, size_t len)
{
	const char *hash = memchr(s, '#', len);

	len = hash != NULL ? (size_t)(hash - s) : len;
	if (keep + len > REDIRECT_PATH_MAX)
		return ERR_LIMIT;
	memcpy(to->path + keep, s, len);
	to->path[keep + len] = '\0';
	return 0;
}

/* After "scheme:" and "//". */
static int read_absolute(struct place *to, const char *s, size_t len)
{
	size_t n = 0;
	int err;

	while (n < len && s[n] != '/' && s[n] != '?' && s[n] != '#')
		n++;
	err = read_authority(to, s, n);
	if (err != 0)
		return err;
	if (n == len || s[n] != '/') {
		memcpy(to->path, "/", 2);
		return set_path(to, 1, s + n, len - n);
	}
	return set_path(to, 0, s + n, len - n);
}

static bool takes(const char **s, size_t *len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (*len < n || strncasecmp(*s, prefix, n) != 0)
		return false;
	*s += n;
	*len -= n;
	return true;
}

static int read_relative(struct place *to, const char *s, size_t len)
{
	size_t path = strcspn(to->path, "?");
	const char *slash = memrchr(to->path, '/', path);

	if (s[0] == '/')
		return set_path(to, 0, s, len);
	if (s[0] == '?')
		return set_path(to, path, s, len);
	if (s[0] == '#')
		return 0;
	for (size_t i = 0; i < len && s[i] != '/' && s[i] != '?' && s[i] != '#'; i++)
		if (s[i] == ':') /* another scheme */
			return ERR_FORMAT;
	return set_path(to, slash != NULL ? (size_t)(slash - to->path) + 1 : 0, s, len);
}

/* Octets of the host without its port. */
static size_t host_len(const char *host)
{
	const char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
	bool port = colon != NULL && (bracket == NULL ? strchr(host, ':') == colon : colon > bracket);

	return port ? (size_t)(colon - host) : strlen(host);
}

static bool same_host(const struct place *a, const struct place *b)
{
	return host_len(a->host) == host_len(b->host) && strncasecmp(a->host, b->host, host_len(a->host)) == 0;
}

int redirect_resolve(struct place *to, const struct place *at, const char *location, size_t len)
{
	struct place new = *at;
	int err;

	new.moved = false;
	if (!is_clean(location, len))
		return ERR_FORMAT;
	if (takes(&location, &len, "https://")) {
		new.tls = true;
		err = read_absolute(&new, location, len);
	} else if (takes(&location, &len, "http://")) {
		new.tls = false;
		err = read_absolute(&new, location, len);
	} else if (takes(&location, &len, "//")) {
		err = read_absolute(&new, location, len);
	} else {
		err = read_relative(&new, location, len);
	}
	if (err == 0) {
		new.moved = !same_host(&new, at);
		*to = new;
	}
	return err;
}
