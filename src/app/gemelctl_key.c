/* gemelctl key accept|send|drop: the steps by which a pair's key is changed, in the key file that the configuration names.
 *
 *     file      old        old        new        new         a key a line; the first is sent, both are accepted
 *                          new        old
 *               ── accept ──▶ ── send ──▶ ── drop ──▶
 *
 * The server says whether the step is safe now; the file is put in place whole, with the mode 0600 and the owner that it had; then
 * the server is asked to reload. It may not write that file, and what it holds survives reloads and restarts alike.
 */
#include "app/gemelctl.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/conf.h"
#include "pair/pair.h"

#define FILE_MAX 4096

struct key_file { size_t count; uint8_t keys[PAIR_KEYS_MAX][PAIR_KEY_LEN]; };

static int fail(const char *file, const char *what)
{
	fprintf(stderr, "gemelctl: %s: %s\n", file, what);
	return 1;
}

/* ---- the file ---- */

static bool take_line(struct key_file *k, const char *line)
{
	size_t len = strlen(line);
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	if (len == 0)
		return true;
	if (k->count == PAIR_KEYS_MAX || len != 2 * PAIR_KEY_LEN)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		char two[3] = { line[i], line[i + 1], 0 };
		if (!isxdigit((unsigned char)two[0]) || !isxdigit((unsigned char)two[1]))
			return false;
		k->keys[k->count][i / 2] = (uint8_t)strtoul(two, NULL, 16);
	}
	k->count++;
	return true;
}

static int read_keys(struct key_file *k, const char *file)
{
	char line[FILE_MAX];
	bool good = true;
	*k = (struct key_file){ 0 };
	FILE *f = fopen(file, "re");
	if (!f)
		return fail(file, strerror(errno));
	setvbuf(f, NULL, _IONBF, 0); /* no copy of the keys in a buffer that is freed unwiped */
	while (good && fgets(line, sizeof line, f))
		good = take_line(k, line);
	good = good && !ferror(f) && k->count > 0;
	fclose(f);
	explicit_bzero(line, sizeof line);
	return good ? 0 : fail(file, "expected one key or two, each a line of 64 hex digits");
}

static bool write_lines(int fd, const struct key_file *k)
{
	char line[2 * PAIR_KEY_LEN + 2];
	bool good = true;
	for (size_t n = 0; good && n < k->count; n++) {
		for (size_t i = 0; i < PAIR_KEY_LEN; i++)
			snprintf(line + 2 * i, 3, "%02x", k->keys[n][i]);
		strcpy(line + 2 * PAIR_KEY_LEN, "\n");
		good = write(fd, line, sizeof line - 1) == (ssize_t)(sizeof line - 1);
	}
	explicit_bzero(line, sizeof line);
	return good;
}

/* As a whole or not at all: a reload at any moment finds the old file or the new one. */
static int replace(const char *file, const struct key_file *k)
{
	char *real = realpath(file, NULL), temporary[4200];
	struct stat st;
	if (!real || stat(real, &st) || snprintf(temporary, sizeof temporary, "%s.XXXXXX", real) >= (int)sizeof temporary) {
		free(real);
		return fail(file, strerror(errno));
	}
	int fd = mkostemp(temporary, O_CLOEXEC), e = -1; /* mode 0600 from its first moment on */
	if (fd >= 0) {
		bool good = fchown(fd, st.st_uid, st.st_gid) == 0 && write_lines(fd, k) && fsync(fd) == 0;
		good = close(fd) == 0 && good;
		e = good ? rename(temporary, real) : -1;
	}
	int why = errno;
	if (fd >= 0 && e)
		unlink(temporary);
	free(real);
	return e ? fail(file, strerror(why)) : 0;
}

/* ---- steps ---- */

static int step_accept(struct key_file *k, const char *file, const char *from)
{
	struct key_file fresh;
	if (k->count > 1)
		return fail(file, "two keys are in use already; gemelctl key shows the next step");
	int e = read_keys(&fresh, from);
	if (!e && fresh.count != 1)
		e = fail(from, "expected one key, as gemelctl key new writes");
	if (!e && pair_key_id(fresh.keys[0]) == pair_key_id(k->keys[0]))
		e = fail(from, "this key has the id of the one in use; make another with gemelctl key new");
	if (!e)
		memcpy(k->keys[k->count++], fresh.keys[0], PAIR_KEY_LEN);
	explicit_bzero(&fresh, sizeof fresh);
	return e;
}

static int find(const struct key_file *k, const char *id)
{
	char text[3];
	for (size_t i = 0; i < k->count; i++) {
		snprintf(text, sizeof text, "%02x", pair_key_id(k->keys[i]));
		if (strcmp(text, id) == 0)
			return (int)i;
	}
	return -1;
}

static int step_send(struct key_file *k, const char *file, const char *id)
{
	uint8_t first[PAIR_KEY_LEN];
	int at = find(k, id);
	if (at <= 0)
		return at ? fail(file, "holds no key of this id") : 0;
	memcpy(first, k->keys[0], sizeof first);
	memcpy(k->keys[0], k->keys[at], sizeof first);
	memcpy(k->keys[at], first, sizeof first);
	explicit_bzero(first, sizeof first);
	return 0;
}

static int step_drop(struct key_file *k, const char *file, const char *id)
{
	int at = find(k, id);
	if (at < 0)
		return fail(file, "holds no key of this id");
	if (at == 0)
		return fail(file, "this key is the one that is sent; gemelctl key send another one first");
	k->count = 1;
	return 0;
}

int gemelctl_key(const char *file, const char *step, const char *what)
{
	struct key_file k;
	int e = read_keys(&k, file);
	if (!e)
		e = strcmp(step, "accept") == 0 ? step_accept(&k, file, what)
		  : strcmp(step, "send") == 0 ? step_send(&k, file, what) : step_drop(&k, file, what);
	if (!e)
		e = replace(file, &k);
	explicit_bzero(&k, sizeof k);
	return e;
}
