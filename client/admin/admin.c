/* The admin handle, and what its results have in common. */
#include <stdlib.h>

#include "client/admin/admin_call.h"

int barnabas_admin_open(const struct barnabas_config *config, struct barnabas_admin **opened,
                        struct barnabas_reason *reason) {
    struct barnabas_admin *admin = calloc(1, sizeof(*admin));
    struct barnabas_reason found = {""};
    enum error error;

    if (admin == NULL)
        return ERR_OUT_OF_MEMORY;
    error = settings_check(&config->settings, found.text, sizeof(found.text));
    if (error == ERR_NONE)
        error = handle_open(&admin->handle, &config->settings, &config->log, &found);
    reason_set(reason, found.text);
    if (error != ERR_NONE) {
        free(admin);
        return error;
    }
    error = handle_start(&admin->handle, "barnabas-admin");
    if (error != ERR_NONE) {
        barnabas_admin_close(admin);
        return error;
    }
    *opened = admin;
    return ERR_NONE;
}

void barnabas_admin_close(struct barnabas_admin *admin) {
    if (admin == NULL)
        return;
    handle_stop(&admin->handle, NULL, NULL);
    handle_close(&admin->handle);
    free(admin);
}

void barnabas_outcomes_free(struct barnabas_outcomes *outcomes) {
    admin_result_free((struct admin_result *)outcomes);
}

void barnabas_topics_free(struct barnabas_topics *topics) {
    admin_result_free((struct admin_result *)topics);
}

void barnabas_reassignments_free(struct barnabas_reassignments *reassignments) {
    admin_result_free((struct admin_result *)reassignments);
}

void barnabas_log_dirs_free(struct barnabas_log_dirs *dirs) {
    admin_result_free((struct admin_result *)dirs);
}

void barnabas_cluster_free(struct barnabas_cluster *cluster) {
    admin_result_free((struct admin_result *)cluster);
}

void barnabas_settings_free(struct barnabas_settings *settings) {
    admin_result_free((struct admin_result *)settings);
}
