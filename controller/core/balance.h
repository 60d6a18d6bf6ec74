/*
 * When leadership goes back to preferred replicas by itself (auto.leader.rebalance.enable).
 * Source: Apache Kafka 3.9, KafkaController.checkAndTriggerAutoLeaderRebalance.
 */
#ifndef CONTROLLER_CORE_BALANCE_H
#define CONTROLLER_CORE_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a broker that is the preferred leader of `preferred` partitions, of which others lead
 * `led_by_others`, is to get them back: if that is more than `percentage` of them. */
bool controller_balance_is_due(size_t preferred, size_t led_by_others, int32_t percentage);

#endif
