/* The status page as it is sent: page.html, made into page.c by page.sh at build. */
#ifndef GEMEL_CTL_PAGE_H
#define GEMEL_CTL_PAGE_H
#include <stddef.h>
#include <stdint.h>

extern const uint8_t page_html[];
extern const size_t page_html_len;
extern const char page_policy[]; /* Content-Security-Policy: nothing but what the page holds, by hash, and our own documents */
extern const char page_tag[];    /* ETag */

#endif
