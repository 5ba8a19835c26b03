/* Names of record types, from ldns's table and RFC 3597:  "AAAA" ⇄ 28,  "TYPE731" ⇄ 731 */
#ifndef GEMEL_ZONE_TYPE_H
#define GEMEL_ZONE_TYPE_H
#include <stddef.h>
#include <stdint.h>

#define ZONE_TYPE_TEXT_MAX 16

/* Returns out. */
char *zone_type_text(uint16_t type, char out[ZONE_TYPE_TEXT_MAX]);
/* By name or TYPEnnn, ASCII case folded, not terminated; 0 = not known. */
uint16_t zone_type_find(const char *text, size_t len);
/* The name nearest to text, NULL = none is near. Static storage. */
const char *zone_type_nearest(const char *text, size_t len);

#endif
