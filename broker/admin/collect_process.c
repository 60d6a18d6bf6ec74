/* The process as the kernel sees it. Source: Prometheus, "Writing client libraries". */
#include "broker/admin/collect.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The first number behind `key` in a file of /proc; 0 if it is not there. */
static int64_t number_in(const char *path, const char *key) {
    char line[256];
    long long number = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0 &&
            sscanf(line + strlen(key), "%lld", &number) == 1)
            break;
    }
    fclose(file);
    return number;
}

static int64_t open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;

    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

/* Seconds since 1970: the boot, and the process's start in ticks after it. */
static double start_seconds(void) {
    char text[1024];
    unsigned long long ticks = 0;
    const char *behind_name;
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

    if (file != NULL)
        fclose(file);
    text[size] = '\0';
    behind_name = strrchr(text, ')');
    if (behind_name == NULL ||
        sscanf(behind_name + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &ticks) != 1)
        return 0;
    return (double)number_in("/proc/stat", "btime") + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_seconds(void) {
    struct rusage used;

    if (getrusage(RUSAGE_SELF, &used) != 0)
        return 0;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void collect_process(struct exposition *out) {
    struct rlimit files = {0};

    (void)getrlimit(RLIMIT_NOFILE, &files);
    exposition_family(out, "process_cpu_seconds_total", METRIC_COUNTER,
                      "CPU time of the process, user and system.");
    exposition_number(out, "", NO_LABELS, cpu_seconds());
    exposition_single(out, "process_resident_memory_bytes", METRIC_GAUGE, "Memory in use.",
                      number_in("/proc/self/status", "VmRSS:") * 1024);
    exposition_single(out, "process_virtual_memory_bytes", METRIC_GAUGE, "Address space in use.",
                      number_in("/proc/self/status", "VmSize:") * 1024);
    exposition_single(out, "process_threads", METRIC_GAUGE, "Threads.",
                      number_in("/proc/self/status", "Threads:"));
    exposition_single(out, "process_open_fds", METRIC_GAUGE, "Open descriptors.", open_files());
    exposition_single(out, "process_max_fds", METRIC_GAUGE, "How many it may open.",
                      (int64_t)files.rlim_cur);
    exposition_family(out, "process_start_time_seconds", METRIC_GAUGE,
                      "When it was started, in seconds since 1970.");
    exposition_number(out, "", NO_LABELS, start_seconds());
    exposition_single(out, "kafka_server_kafkaserver_linux_disk_read_bytes", METRIC_GAUGE,
                      "Bytes that the process had read from disks.",
                      number_in("/proc/self/io", "read_bytes:"));
    exposition_single(out, "kafka_server_kafkaserver_linux_disk_write_bytes", METRIC_GAUGE,
                      "Bytes that the process had written to disks.",
                      number_in("/proc/self/io", "write_bytes:"));
}

/* Kafka's BrokerState: 1 starting, 2 recovering, 3 running, 6 controlled shutdown. */
static int64_t broker_state(enum broker_phase phase) {
    switch (phase) {
    case BROKER_STARTING:
        return 1;
    case BROKER_SERVING:
        return 3;
    case BROKER_STOPPING:
        return 6;
    }
    return 0;
}

void collect_build(struct exposition *out, const struct admin_view *view) {
    char id[16] = "";

    exposition_family(out, "barnabas_build_info", METRIC_GAUGE, "Which program this is; always 1.");
    exposition_integer(out, "", LABELS({"version", BARNABAS_VERSION}), 1);
    exposition_single(out, "kafka_server_kafkaserver_brokerstate", METRIC_GAUGE,
                      "1 starting, 3 running, 6 being stopped.", broker_state(view->phase));
    if (!view->is_attached)
        return;
    snprintf(id, sizeof(id), "%d", view->parts.broker_id);
    exposition_family(out, "barnabas_broker_info", METRIC_GAUGE,
                      "Which broker of which cluster this is; always 1.");
    exposition_integer(out, "", LABELS({"broker", id}, {"cluster_id", view->parts.cluster_id}), 1);
}
