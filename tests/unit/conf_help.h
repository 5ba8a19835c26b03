/* A scratch folder with the files of a configuration, for the tests of conf/ and of the loader. Not a test itself. */
#ifndef GEMEL_TESTS_CONF_HELP_H
#define GEMEL_TESTS_CONF_HELP_H
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELP_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char help_folder[64];

static inline const char *help_source(void)
{
	const char *dir = getenv("srcdir");

	return dir && dir[0] ? dir : ".";
}

static inline void help_write_mode(const char *name, const char *text, size_t len, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static inline void help_write(const char *name, const char *text)
{
	help_write_mode(name, text, strlen(text), 0600);
}

/* Enters a fresh scratch folder; scripts come from the source tree. */
static inline void help_enter(void)
{
	char lua[4096], *top = realpath(help_source(), NULL);

	ck_assert_ptr_nonnull(top);
	snprintf(lua, sizeof lua, "%s/lua", top);
	setenv("GEMEL_LUA_DIR", lua, 1);
	free(top);
	strcpy(help_folder, "/tmp/gemel-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(help_folder));
	ck_assert_int_eq(chdir(help_folder), 0);
	help_write("pair.key", HELP_KEY "\n");
}

static inline void help_leave(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf '%s'", help_folder);
	ck_assert_int_eq(system(command), 0);
}

#endif
