/* The octets between gemelctl and the server (ctl.h draws them). */
#ifndef GEMEL_CTL_WIRE_H
#define GEMEL_CTL_WIRE_H
#include "ctl/ctl.h"

#define WIRE_FRAME_HEAD 5
enum wire_frame { WIRE_STDOUT = 1, WIRE_STDERR, WIRE_EXIT, WIRE_PROGRESS };

struct wire_request {
	bool json, colour;
	uint16_t width;
	int argc;
	size_t used; /* octets of the input; what follows is the verb's */
	char *argv[CTL_ARGS_MAX + 1]; /* into text; ends with NULL */
	char text[CTL_REQUEST_MAX];
};
/* ERR_SHORT: more has to come. ERR_FORMAT: it will never be one (another magic, a NUL in a word); ERR_LIMIT: too many words, or too long.
 * r is scratch then. */
int wire_request_get(struct wire_request *r, const uint8_t *data, size_t len) MUST_CHECK;
/* ERR_LIMIT where it would be over CTL_REQUEST_MAX or CTL_ARGS_MAX. */
int wire_request_put(struct wbuf *w, bool json, bool colour, unsigned width, int argc, char *const *argv) MUST_CHECK;

#endif
