/* The phrases of enum err. */
#include "base/err.h"

const char *err_text(int e)
{
	switch (e) {
	case 0: return "success";
	case ERR_NOMEM: return "out of memory";
	case ERR_SHORT: return "input ended early";
	case ERR_FORMAT: return "malformed";
	case ERR_RANGE: return "out of range";
	case ERR_LIMIT: return "limit reached";
	case ERR_EXISTS: return "exists already";
	case ERR_ABSENT: return "not there";
	case ERR_AUTH: return "authentication failed";
	case ERR_STALE: return "stale";
	case ERR_IO: return "input/output error";
	case ERR_BUSY: return "busy";
	case ERR_VERSION: return "unknown version";
	default: return "unknown error";
	}
}
