/*
 * CRC-32C (Castagnoli), which protects record batches. With the CPU's instructions where
 * there are any (found at run time on x86-64), else by eight tables.
 *
 * crc32c(0, "123456789", 9) == 0xe3069283. Chain by passing the previous result.
 * Threads: any.
 */
#ifndef CLIENT_WIRE_CRC32C_H
#define CLIENT_WIRE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t size);

/* The portable form, for tests to compare. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
