/* A meta.properties with any content is refused, or it says who the directory belongs to; and what
 * is written over it says what was written. */
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/meta_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/barnabas-fuzz-meta-XXXXXX";

static void remove_folder(void) {
    CHECK(disk_remove_dir(disk_system(), folder) == ERR_NONE);
}

static void set_up(const uint8_t *data, size_t size) {
    static bool made;
    char path[128];
    FILE *file;

    if (!made)
        CHECK(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    made = true;
    snprintf(path, sizeof(path), "%s/meta.properties", folder);
    CHECK((file = fopen(path, "wb")) != NULL);
    CHECK(size == 0 || fwrite(data, 1, size, file) == size);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct meta_properties meta;
    struct meta_properties again;
    enum error error;

    set_up(data, size);
    error = meta_properties_read(disk_system(), folder, &meta);
    CHECK(error == ERR_NONE || error == ERR_DISK_CORRUPT);
    if (error == ERR_NONE && meta.all.count + 3 <= PROPERTIES_COUNT_MAX) {
        CHECK(meta.exists && meta.broker_id >= -1);
        CHECK(strlen(meta.cluster_id) < sizeof(meta.cluster_id));
        CHECK(meta_properties_write(disk_system(), folder, &meta, 7, "a cluster", 1) == ERR_NONE);
        CHECK(meta_properties_read(disk_system(), folder, &again) == ERR_NONE);
        CHECK(again.broker_id == 7 && strcmp(again.cluster_id, "a cluster") == 0);
        CHECK(again.all.count == meta.all.count);
        meta_properties_done(&again);
    }
    meta_properties_done(&meta);
    return 0;
}
