/* leader-epoch-checkpoint and producer snapshots: any content is refused, or kept in order. */
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/leader_epochs.h"
#include "broker/log/producer_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *folder(void) {
    static char path[] = "/tmp/barnabas-fuzz-epochs-XXXXXX";
    static bool made;

    if (!made)
        CHECK(mkdtemp(path) != NULL);
    made = true;
    return path;
}

static void write_file(const uint8_t *data, size_t size) {
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/leader-epoch-checkpoint", folder());
    CHECK((file = fopen(path, "wb")) != NULL);
    CHECK(fwrite(data, 1, size, file) == size);
    fclose(file);
}

static void remove_folder(void) {
    CHECK(disk_remove_dir(disk_system(), folder()) == ERR_NONE);
}

static void read_epochs(const uint8_t *data, size_t size) {
    struct leader_epochs *epochs;

    write_file(data, size);
    if (leader_epochs_open(disk_system(), folder(), &epochs) != ERR_NONE)
        return;
    for (size_t i = 1; i < leader_epochs_count(epochs); i++) {
        struct epoch_start before = leader_epochs_get(epochs, i - 1);
        struct epoch_start entry = leader_epochs_get(epochs, i);
        CHECK(entry.leader_epoch > before.leader_epoch && entry.start_offset > before.start_offset);
    }
    leader_epochs_free(epochs);
}

static void read_snapshot(const uint8_t *data, size_t size) {
    struct producer_state *state;

    CHECK(producer_state_new(&state) == ERR_NONE);
    if (producer_state_decode(state, bytes_of(data, size)) != ERR_NONE)
        CHECK(producer_state_count(state) == 0);
    producer_state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool registered;

    if (!registered)
        CHECK(atexit(remove_folder) == 0);
    registered = true;
    read_epochs(data, size);
    read_snapshot(data, size);
    return 0;
}
