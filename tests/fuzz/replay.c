/*
 * Runs a fuzz target without libFuzzer: every file of the corpus folder as it is, then cut at
 * every length, then with single bytes changed. The changes are the same in every run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/base/check.h"
#include "client/base/rng.h"

#define INPUT_SIZE_MAX   (1 << 20)
#define CHANGES_PER_FILE 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives the target a copy of exactly `size` bytes, so that asan sees any read past it. */
static void run_once(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_changed(struct rng *rng, uint8_t *data, size_t size) {
    size_t step = size / CHANGES_PER_FILE + 1;

    for (size_t cut = 0; cut < size; cut += step)
        run_once(data, cut);
    for (int i = 0; i < CHANGES_PER_FILE && size > 0; i++) {
        size_t at = rng_below(rng, size);
        uint8_t before = data[at];
        data[at] = (uint8_t)rng_next(rng);
        run_once(data, size);
        data[at] = before;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void run_file(const char *folder, const char *name) {
    static uint8_t data[INPUT_SIZE_MAX];
    char path[4096];
    size_t size;
    FILE *file;
    struct rng rng;

    CHECK(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
    file = fopen(path, "rb");
    CHECK(file != NULL);
    size = fread(data, 1, sizeof(data), file);
    fclose(file);
    rng_seed(&rng, size);
    run_once(data, size);
    run_changed(&rng, data, size);
}

int main(int argc, char **argv) {
    char *names[4096];
    size_t count = 0;
    struct dirent *entry;
    DIR *folder;

    if (argc != 2 || (folder = opendir(argv[1])) == NULL) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder)) != NULL && count < ARRAY_COUNT(names)) {
        if (entry->d_name[0] != '.')
            CHECK((names[count++] = strdup(entry->d_name)) != NULL);
    }
    closedir(folder);
    qsort(names, count, sizeof(names[0]), by_name);
    run_once(NULL, 0);
    for (size_t i = 0; i < count; i++) {
        run_file(argv[1], names[i]);
        free(names[i]);
    }
    printf("%zu corpus files replayed\n", count);
    return count > 0 ? 0 : 1;
}
