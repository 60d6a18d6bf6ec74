#include <assert.h>

#include "broker/config/config.h"
#include "broker/config/setting.h"

/* clang-format off */
#define SUPPORTED_ROW(field, key_, type_, default_, limits_, scope_, importance_, doc_) \
    {.key = (key_), .value = (default_), .doc = (doc_), .type = CONFIG_TYPE_##type_, .limits = limits_, \
     .status = SETTING_SUPPORTED, .documentation = (doc_), .scope = SETTING_##scope_, .importance = SETTING_##importance_, \
     .field_offset = offsetof(struct config, field)},
#define IGNORED_ROW(key_, type_, default_, limits_, scope_, importance_, reason_, doc_) \
    {.key = (key_), .value = (default_), .doc = (doc_), .type = CONFIG_TYPE_##type_, .limits = limits_, \
     .status = SETTING_IGNORED, .scope = SETTING_##scope_, .importance = SETTING_##importance_, \
     .reason = (reason_), \
     .documentation = (doc_ " Without effect here: " reason_ ".")},
#define REFUSED_ROW(key_, type_, default_, limits_, scope_, importance_, reason_, doc_) \
    {.key = (key_), .value = (default_), .doc = (doc_), .type = CONFIG_TYPE_##type_, .limits = limits_, \
     .status = SETTING_REFUSED, .scope = SETTING_##scope_, .importance = SETTING_##importance_, \
     .reason = (reason_), \
     .documentation = (doc_ " Only the default is accepted here: " reason_ ".")},

const struct setting config_settings[] = {
    CONFIG_LIST(SUPPORTED_ROW, IGNORED_ROW, REFUSED_ROW)
};

#define SUPPORTED_TOPIC_ROW(field, key_, type_, broker_field, broker_key_, limits_, importance_, doc_) \
    {.key = (key_), .broker_key = (broker_key_), .doc = (doc_), .type = CONFIG_TYPE_##type_, .limits = limits_, \
     .status = SETTING_SUPPORTED, .documentation = (doc_), .scope = SETTING_CLUSTER, .importance = SETTING_##importance_, \
     .field_offset = offsetof(struct topic_config, field), \
     .broker_field_offset = offsetof(struct config, broker_field)},
#define TEXT_TOPIC_ROW(key_, type_, default_, limits_, importance_, doc_) \
    {.key = (key_), .value = (default_), .doc = (doc_), .type = CONFIG_TYPE_##type_, .limits = limits_, \
     .status = SETTING_TEXT, .documentation = (doc_), .scope = SETTING_CLUSTER, .importance = SETTING_##importance_},
#define IGNORED_TOPIC_ROW(key_, type_, default_, broker_key_, limits_, importance_, reason_, doc_) \
    {.key = (key_), .value = (default_), .broker_key = (broker_key_), .doc = (doc_), \
     .type = CONFIG_TYPE_##type_, .limits = limits_, .status = SETTING_IGNORED, .scope = SETTING_CLUSTER, \
     .importance = SETTING_##importance_, .reason = (reason_), \
     .documentation = (doc_ " Without effect here: " reason_ ".")},
#define REFUSED_TOPIC_ROW(key_, type_, default_, broker_key_, limits_, importance_, reason_, doc_) \
    {.key = (key_), .value = (default_), .broker_key = (broker_key_), .doc = (doc_), \
     .type = CONFIG_TYPE_##type_, .limits = limits_, .status = SETTING_REFUSED, .scope = SETTING_CLUSTER, \
     .importance = SETTING_##importance_, .reason = (reason_), \
     .documentation = (doc_ " Only the default is accepted here: " reason_ ".")},

const struct setting topic_config_settings[] = {
    TOPIC_CONFIG_LIST(SUPPORTED_TOPIC_ROW, TEXT_TOPIC_ROW, IGNORED_TOPIC_ROW, REFUSED_TOPIC_ROW)
};
/* clang-format on */

const size_t config_setting_count = ARRAY_COUNT(config_settings);
const size_t topic_config_setting_count = ARRAY_COUNT(topic_config_settings);

static_assert(ARRAY_COUNT(config_settings) == CONFIG_SETTING_COUNT,
              "struct config has a value per row");
