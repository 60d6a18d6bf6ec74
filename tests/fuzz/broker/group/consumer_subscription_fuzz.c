/*
 * What a member of type "consumer" sends: it subscribes to each topic or not; to all, if it cannot
 * be read.
 */
#include "broker/group/consumer_subscription.h"
#include "client/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct bytes subscription = bytes_of(data, size);
    bool is_known, is_known_again, has;

    has = consumer_subscription_has(subscription, bytes_of_text("a"), &is_known);
    CHECK(is_known || has);
    (void)consumer_subscription_has(subscription, bytes_of_text("orders"), &is_known_again);
    CHECK(is_known == is_known_again);
    return 0;
}
