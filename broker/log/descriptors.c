#include "broker/log/descriptors.h"

#include <sys/resource.h>

#include <fcntl.h>
#include <unistd.h>

static void raise_limit(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else it stays as it was */
}

size_t descriptors_limit(void) {
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur : 0;
}

void descriptors_prepare(void) {
    size_t length = DESCRIPTORS_PREPARED;
    int any, last;

    raise_limit();
    if (length > descriptors_limit())
        length = descriptors_limit();
    if (length == 0 || (any = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return;
    last = fcntl(any, F_DUPFD_CLOEXEC, (int)length - 1);
    if (last >= 0)
        close(last);
    close(any);
}
