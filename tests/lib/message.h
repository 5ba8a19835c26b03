/* A second opinion on messages, written apart from the code that makes them. */
#ifndef GEMEL_TESTS_MESSAGE_H
#define GEMEL_TESTS_MESSAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether msg is a whole answer to in: same id, the question as it came, as many records as counted, names whose
 * pointers only go backwards, nothing behind. */
bool message_is_sound(const uint8_t *in, size_t in_len, const uint8_t *msg, size_t len);

#endif
