/* Error codes: every function that can fail returns 0 or one of these, and leaves its outputs
 * untouched on failure.  What a person needs to read travels in a struct diags (base/diag.h). */
#ifndef GEMEL_BASE_ERR_H
#define GEMEL_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
	ERR_NOMEM = -1,   /* allocation failed */
	ERR_SHORT = -2,   /* input ended early, or output did not fit */
	ERR_FORMAT = -3,  /* input breaks its syntax */
	ERR_RANGE = -4,   /* value outside its bounds */
	ERR_LIMIT = -5,   /* a named bound was reached */
	ERR_EXISTS = -6,  /* there already */
	ERR_ABSENT = -7,  /* not there */
	ERR_AUTH = -8,    /* authentication failed */
	ERR_STALE = -9,   /* replayed or superseded */
	ERR_IO = -10,     /* the operating system refused; errno says why */
	ERR_BUSY = -11,   /* in use by another */
	ERR_VERSION = -12 /* a version we do not speak */
};

/* A short lower-case phrase for e, for example "out of memory". Static storage. */
const char *err_text(int e);

#endif
