/*
 * Assertions: CHECK in every build, DCHECK in debug and sanitizer builds only.
 *
 * They state what our own code guarantees. Never use them on what comes from outside (bytes,
 * files, znodes, configuration, clocks): those give errors.
 */
#ifndef CLIENT_BASE_CHECK_H
#define CLIENT_BASE_CHECK_H

/* Prints the failed condition to standard error and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition) \
    (__builtin_expect(!(condition), 0) ? check_failed(#condition, __FILE__, __LINE__) : (void)0)

#ifdef NDEBUG
#define DCHECK(condition) ((void)0)
#else
#define DCHECK(condition) CHECK(condition)
#endif

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) \
    __attribute__((format(printf, format_index, first_argument)))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
