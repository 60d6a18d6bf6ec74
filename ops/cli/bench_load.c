#include "ops/cli/bench_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "ops/cli/json.h"
#include "ops/cli/pace.h"
#include "ops/output/progress.h"

#define RECORDS_DEFAULT    1000000 /* without a rate */
#define DURATION_S_DEFAULT 10      /* with one */
#define POOL_BYTES         65536
#define KEY_BYTES_MAX      24

/* Looked at by the clock only every so many records. */
#define CLOCK_STRIDE 64

int64_t bench_now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PACE_SECOND_NS + now.tv_nsec;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

double bench_cpu_seconds(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

bool bench_load_parse(const struct invocation *invocation, struct barnabas_config *config,
                      int64_t rate, struct bench_load *load) {
    const char *acks = invocation_value(invocation, "acks", NULL);
    const char *codec = invocation_value(invocation, "compress", NULL);
    struct barnabas_reason reason = {""};
    int64_t records;
    int64_t seconds;
    int64_t size;
    int64_t partition;

    if (!invocation_number(invocation, "rate", 0, PACE_SECOND_NS, rate, &load->rate) ||
        !invocation_number(invocation, "records", 0, INT64_MAX, 0, &records) ||
        !invocation_number(invocation, "duration", 0, 1000000, 0, &seconds) ||
        !invocation_number(invocation, "size", 0, 100000000, 100, &size) ||
        !invocation_number(invocation, "keys", 0, INT64_MAX, 0, &load->key_count) ||
        !invocation_number(invocation, "partition", 0, INT32_MAX, BARNABAS_PARTITION_ANY,
                           &partition))
        return false;
    if (records == 0 && seconds == 0) {
        records = load->rate == 0 ? RECORDS_DEFAULT : 0;
        seconds = load->rate == 0 ? 0 : DURATION_S_DEFAULT;
    }
    load->topic = invocation->operands[0];
    load->records_max = (uint64_t)records;
    load->duration_ns_max = seconds * PACE_SECOND_NS;
    load->size = (size_t)size;
    load->partition = (int32_t)partition;
    if ((acks != NULL && barnabas_config_set(config, "acks", acks, &reason) != BARNABAS_OK) ||
        (codec != NULL &&
         barnabas_config_set(config, "compression.type", codec, &reason) != BARNABAS_OK)) {
        fprintf(stderr, "barnabas: %s\n", reason.text);
        return false;
    }
    return session_default(invocation, config, "max.block.ms", "2147483647");
}

/* --- sending ----------------------------------------------------------------------------- */

/* The one that is at work: a callback's context is the due time of its record, so that nothing is
 * allocated for it. */
static struct bench_sender *at_work;

static void on_delivered(void *context, const struct barnabas_delivery *delivery) {
    int64_t due_ns = (int64_t)(intptr_t)context;

    if (delivery->error == BARNABAS_OK) {
        latency_histogram_add(&at_work->latencies, bench_now_ns() - due_ns);
        atomic_fetch_add_explicit(&at_work->delivered, 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&at_work->failed, 1, memory_order_relaxed);
        atomic_store_explicit(&at_work->last_error, delivery->error, memory_order_relaxed);
    }
}

/* Letters and digits by chance: values are pieces of it, compressible as text is. */
static void pool_fill(char *pool) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyz0123456789 ,.-:/=+ABCDEFGHIJKLMNOPQRST";
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < POOL_BYTES; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        pool[i] = letters[state >> 58];
    }
}

static void sleep_until(int64_t due_ns) {
    const struct timespec until = {due_ns / PACE_SECOND_NS, due_ns % PACE_SECOND_NS};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        continue;
}

static bool is_over(const struct bench_load *load, int64_t begin_ns, uint64_t index,
                    int64_t due_ns) {
    return (load->records_max > 0 && index >= load->records_max) ||
           (load->duration_ns_max > 0 && due_ns - begin_ns >= load->duration_ns_max);
}

static void tell_progress(struct progress *progress, const struct bench_sender *sender,
                          int64_t now_ns) {
    double seconds = (double)(now_ns - sender->begin_ns) / 1e9;
    uint64_t delivered = atomic_load_explicit(&sender->delivered, memory_order_relaxed);
    char note[64];

    snprintf(note, sizeof(note), "%.0f records/s", (double)delivered / (seconds + 1e-9));
    if (sender->load->records_max > 0)
        progress_tell(progress, delivered, sender->load->records_max, note);
    else
        progress_tell(progress, (uint64_t)(now_ns - sender->begin_ns),
                      (uint64_t)sender->load->duration_ns_max, note);
}

/* One record, which was due then. */
static int send_one(struct bench_sender *sender, uint8_t *value, uint64_t index, int64_t due_ns) {
    const struct bench_load *load = sender->load;
    char key[KEY_BYTES_MAX];
    struct barnabas_record record = {
        .topic = load->topic,
        .partition = load->partition,
        .value = value,
        .value_size = load->size,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
    };

    if (sender->stamped)
        memcpy(value, &due_ns, sizeof(due_ns));
    if (load->key_count > 0) {
        record.key = key;
        record.key_size =
            (size_t)snprintf(key, sizeof(key), "%" PRIu64, index % (uint64_t)load->key_count);
    }
    return barnabas_producer_send(sender->producer, &record, on_delivered,
                                  (void *)(intptr_t)due_ns);
}

static int send_loop(struct bench_sender *sender, const char *pool, uint8_t *value) {
    const struct bench_load *load = sender->load;
    struct progress progress;
    int64_t now_ns = sender->begin_ns;
    int error = BARNABAS_OK;

    progress_begin(&progress);
    for (uint64_t i = 0; error == BARNABAS_OK; i++) {
        int64_t due_ns;

        now_ns = bench_now_ns();
        due_ns = load->rate > 0 ? pace_due_ns(sender->begin_ns, load->rate, i) : now_ns;
        if (is_over(load, sender->begin_ns, i, due_ns))
            break;
        if (due_ns > now_ns)
            sleep_until(due_ns);
        if (load->size <= POOL_BYTES)
            memcpy(value, pool + i % (POOL_BYTES - load->size + 1), load->size);
        error = send_one(sender, value, i, due_ns);
        if (i % CLOCK_STRIDE == 0)
            tell_progress(&progress, sender, now_ns);
    }
    progress_end(&progress);
    return error;
}

int bench_send(struct bench_sender *sender) {
    size_t value_bytes =
        sender->load->size < sizeof(int64_t) ? sizeof(int64_t) : sender->load->size;
    char *pool = malloc(POOL_BYTES);
    uint8_t *value = malloc(value_bytes);
    int error = BARNABAS_OUT_OF_MEMORY;

    if (pool != NULL && value != NULL) {
        pool_fill(pool);
        memset(value, 'x', value_bytes);
        at_work = sender;
        sender->begin_ns = bench_now_ns();
        error = send_loop(sender, pool, value);
        /* Every record has its own time limit, so this ends. */
        (void)barnabas_producer_flush(sender->producer, -1);
        sender->end_ns = bench_now_ns();
    }
    free(pool);
    free(value);
    return error;
}

/* --- printing ---------------------------------------------------------------------------- */

static const double percents[] = {50, 90, 95, 99, 99.9, 99.99};
#define PERCENT_COUNT (sizeof(percents) / sizeof(percents[0]))

static json_t *latencies_json(const struct latency_histogram *latencies) {
    json_t *object = json_object();
    char name[16];

    for (size_t i = 0; i < PERCENT_COUNT; i++) {
        snprintf(name, sizeof(name), "p%g", percents[i]);
        json_object_set_new(object, name,
                            json_real((double)latency_histogram_ns(latencies, percents[i]) / 1e6));
    }
    json_object_set_new(object, "mean", json_real(latency_histogram_mean_ns(latencies) / 1e6));
    json_object_set_new(object, "max", json_real((double)latencies->max_ns / 1e6));
    return object;
}

static enum exit_status print_json(const struct bench_result *result) {
    json_t *document = json_document(result->kind);
    json_t *item = json_object();

    json_object_set_new(item, "records", json_integer((json_int_t)result->records));
    json_object_set_new(item, "failed", json_integer((json_int_t)result->failed));
    json_object_set_new(item, "bytes", json_integer((json_int_t)result->bytes));
    json_object_set_new(item, "seconds", json_real(result->seconds));
    json_object_set_new(item, "cpuSeconds", json_real(result->cpu_seconds));
    if (result->latencies != NULL)
        json_object_set_new(item, "latencyMs", latencies_json(result->latencies));
    json_object_set_new(document, "items", json_pack("[o]", item));
    return json_finish(document);
}

static void print_table(const struct bench_result *result) {
    double seconds = result->seconds > 0 ? result->seconds : 1e-9;
    double gigabytes = (double)result->bytes / 1e9;

    printf("%" PRIu64 " records, %" PRIu64 " failed, %.3f s: %.0f records/s, %.2f MB/s\n",
           result->records, result->failed, result->seconds, (double)result->records / seconds,
           (double)result->bytes / 1e6 / seconds);
    printf("CPU of the client: %.2f s", result->cpu_seconds);
    if (gigabytes > 0)
        printf(", %.2f s/GB", result->cpu_seconds / gigabytes);
    putchar('\n');
    if (result->latencies == NULL || result->latencies->count == 0)
        return;
    printf("latency in ms: mean %.3f", latency_histogram_mean_ns(result->latencies) / 1e6);
    for (size_t i = 0; i < PERCENT_COUNT; i++)
        printf(", %g %% %.3f", percents[i],
               (double)latency_histogram_ns(result->latencies, percents[i]) / 1e6);
    printf(", max %.3f\n", (double)result->latencies->max_ns / 1e6);
}

enum exit_status bench_print(const struct invocation *invocation,
                             const struct bench_result *result) {
    bool json;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if (json)
        return print_json(result);
    print_table(result);
    return EXIT_OK;
}
