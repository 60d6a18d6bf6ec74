/*
 * Carries the ISR changes that this broker's leaders propose to the controller (AlterPartition):
 * all that are pending in one request, one request at a time.
 *
 * Threads: the control thread, but for isr_changes_add_soon.
 * Source: Kafka 3.9, DefaultAlterPartitionManager.
 */
#ifndef BROKER_CONTROL_ISR_CHANGES_H
#define BROKER_CONTROL_ISR_CHANGES_H

#include "broker/control/controller_channel.h"
#include "broker/replica/partition.h"

struct isr_changes;

MUST_CHECK enum error isr_changes_new(struct loop *loop, struct controller_channel *channel,
                                      int32_t broker_id, struct isr_changes **created);
/* After the channel is freed. Accepts NULL. */
void isr_changes_free(struct isr_changes *changes);

void isr_changes_set_broker_epoch(struct isr_changes *changes, int64_t broker_epoch);

/* Any thread: the partition has a proposal; the rest is done by the control thread, whose executor
 * it is. Takes a reference. */
void isr_changes_add_soon(struct isr_changes *changes, struct executor *executor,
                          struct partition *partition);

#endif
