/* A query and its answer as a line of the log:
 *
 *     event=query client=192.0.2.1#4711 server=198.51.100.1#53 transport=udp name=www.example.test class=IN type=A id=4711 flags=rd,do
 *     bufsize=1232 rcode=NOERROR answers=2 size=77 took_us=14
 *
 * What is no query that can be read has no name, class and type; one without an answer has rcode=none and a size of 0.
 */
#ifndef GEMEL_APP_TAP_LINE_H
#define GEMEL_APP_TAP_LINE_H
#include "app/tap_ring.h"
#include "io/logline.h"

void tap_line(struct logline *l, const struct tap_copy *c);

#endif
