/*
 * uthash in a library: if memory is out, the program that uses the library goes on, and the table
 * is as it was before. (By itself uthash ends the process.)
 *
 *     HASH_ADD(hh, table, key, sizeof(key), element);
 *     if (!HASH_WAS_ADDED(hh, element))
 *         ... out of memory: the element is still the caller's ...
 *
 * Source: the uthash user guide, HASH_NONFATAL_OOM.
 */
#ifndef CLIENT_BASE_HASH_TABLE_H
#define CLIENT_BASE_HASH_TABLE_H

#ifdef UTHASH_H
#error "uthash.h is included before hash_table.h, with another meaning of HASH_ADD"
#endif
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Only right after HASH_ADD and its kin. */
#define HASH_WAS_ADDED(hh, element) ((element)->hh.tbl != NULL)

#endif
