/*
 * What this machine can do at all, for whoever reads ratios of servers: one JSON object.
 *
 *   machine_limits FOLDER        a folder on the disk to measure
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/base/check.h"
#include "client/wire/crc32c.h"

#define FILE_BYTES   ((size_t)512 << 20)
#define WRITE_BYTES  ((size_t)100 << 10)
#define SEND_BYTES   ((size_t)1 << 20)
#define SOCKET_BYTES ((size_t)2 << 30)
#define SYNCS        500
#define SYNC_BYTES   ((size_t)200)
#define ROUND_TRIPS  20000

static double now_s(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int make_file(const char *folder, const char *name) {
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && unlink(path) == 0);
    return fd;
}

/* Writes that end in the page cache, MB/s; the second pass, when its pages are there. */
static double write_rate(int fd, const uint8_t *data) {
    double begun = 0;

    for (int pass = 0; pass < 2; pass++) {
        begun = now_s();
        for (size_t at = 0; at + WRITE_BYTES <= FILE_BYTES; at += WRITE_BYTES)
            CHECK(pwrite(fd, data, WRITE_BYTES, (off_t)at) == (ssize_t)WRITE_BYTES);
    }
    return (double)FILE_BYTES / 1e6 / (now_s() - begun);
}

static double sync_rate(const char *folder, const uint8_t *data) {
    int fd = make_file(folder, "synced");
    double begun = now_s();
    double rate;

    for (int i = 0; i < SYNCS; i++) {
        CHECK(write(fd, data, SYNC_BYTES) == (ssize_t)SYNC_BYTES);
        CHECK(fdatasync(fd) == 0);
    }
    rate = SYNCS / (now_s() - begun);
    close(fd);
    return rate;
}

static void connect_pair(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(ends[0] >= 0 && connect(ends[0], (struct sockaddr *)&address, size) == 0);
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(ends[1] >= 0);
    close(listener);
}

static void *swallow(void *end) {
    uint8_t *buffer = malloc(SEND_BYTES);

    CHECK(buffer != NULL);
    while (recv(*(int *)end, buffer, SEND_BYTES, 0) > 0)
        continue;
    free(buffer);
    return NULL;
}

/* From the page cache (`file` >= 0) or from memory over loopback, MB/s. */
static double send_rate(int file, const uint8_t *data) {
    pthread_t reader;
    double begun;
    int ends[2];

    connect_pair(ends);
    CHECK(pthread_create(&reader, NULL, swallow, &ends[1]) == 0);
    begun = now_s();
    for (size_t sent = 0; sent < SOCKET_BYTES;) {
        off_t at = (off_t)(sent % (FILE_BYTES - SEND_BYTES));
        ssize_t count = file >= 0 ? sendfile(ends[0], file, &at, SEND_BYTES)
                                  : send(ends[0], data, WRITE_BYTES, MSG_NOSIGNAL);
        CHECK(count > 0);
        sent += (size_t)count;
    }
    close(ends[0]);
    pthread_join(reader, NULL);
    close(ends[1]);
    return (double)SOCKET_BYTES / 1e6 / (now_s() - begun);
}

static void *echo(void *end) {
    uint8_t byte;

    while (recv(*(int *)end, &byte, 1, 0) == 1)
        CHECK(send(*(int *)end, &byte, 1, MSG_NOSIGNAL) == 1);
    return NULL;
}

/* One byte there and back between two threads, microseconds. */
static double round_trip_us(void) {
    uint8_t byte = 0;
    pthread_t other;
    double begun, took;
    int ends[2];

    connect_pair(ends);
    CHECK(pthread_create(&other, NULL, echo, &ends[1]) == 0);
    begun = now_s();
    for (int i = 0; i < ROUND_TRIPS; i++) {
        CHECK(send(ends[0], &byte, 1, MSG_NOSIGNAL) == 1);
        CHECK(recv(ends[0], &byte, 1, 0) == 1);
    }
    took = now_s() - begun;
    close(ends[0]);
    pthread_join(other, NULL);
    close(ends[1]);
    return took / ROUND_TRIPS * 1e6;
}

static double checksum_rate(const uint8_t *data) {
    uint32_t checksum = 0;
    double begun = now_s();
    size_t done = 0;

    for (; done < FILE_BYTES; done += SEND_BYTES)
        checksum = crc32c(checksum, data, SEND_BYTES);
    CHECK(checksum != 0);
    return (double)done / 1e6 / (now_s() - begun);
}

int main(int argc, char **argv) {
    uint8_t *data = malloc(SEND_BYTES);
    int file;

    if (argc != 2) {
        fputs("usage: machine_limits FOLDER\n", stderr);
        return 2;
    }
    CHECK(data != NULL);
    memset(data, 'x', SEND_BYTES);
    file = make_file(argv[1], "written");
    printf("{\"write_MB_s\": %.0f, ", write_rate(file, data));
    printf("\"sendfile_MB_s\": %.0f, ", send_rate(file, data));
    printf("\"loopback_MB_s\": %.0f, ", send_rate(-1, data));
    printf("\"round_trip_us\": %.1f, ", round_trip_us());
    printf("\"crc32c_MB_s\": %.0f, ", checksum_rate(data));
    printf("\"fdatasync_per_s\": %.0f}\n", sync_rate(argv[1], data));
    free(data);
    return 0;
}
