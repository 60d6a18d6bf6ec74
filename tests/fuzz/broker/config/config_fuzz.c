/* Any text as server.properties: a config or a refusal with a reason. */
#include "broker/config/config.h"
#include "broker/config/config_describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config_report report;
    struct config *config = NULL;
    enum error error;

    config_report_init(&report);
    error = config_parse("f", bytes_of(data, size), NULL, 0, &report, &config);
    if (error == ERR_NONE) {
        struct topic_config topic = topic_config_of_broker(config);
        CHECK(report.error_count == 0);
        CHECK(topic.retention_ms == -1 || topic.retention_ms >= 1);
        CHECK(config->listener_count > 0 && config->log_dir_count > 0);
        for (size_t i = 0; i < config_describe_broker_count(); i++) {
            struct config_entry entry;
            config_describe_broker(config, i, &entry);
        }
        config_free(config);
    } else {
        CHECK(error == ERR_CONFIG_INVALID && report.error_count > 0);
    }
    config_report_done(&report);
    return 0;
}
