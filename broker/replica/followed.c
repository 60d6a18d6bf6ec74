/*
 * One partition that is followed: what state it is in, and how it gets from one to another.
 */
#include <stdlib.h>

#include "broker/replica/replica_fetcher_internal.h"
#include "client/base/logger.h"

#define PAUSE_MS_MIN INT64_C(20) /* doubled by each failure in a row, up to backoff_ms */

struct followed *followed_find(struct fetcher *fetcher, const struct uuid *topic_id,
                               int32_t index) {
    struct partition_key key;
    struct followed *followed;

    memset(&key, 0, sizeof(key));
    key.topic_id = *topic_id;
    key.index = index;
    HASH_FIND(hh, fetcher->followed, &key, sizeof(key), followed);
    return followed;
}

void followed_mark_changed(struct followed *followed) {
    if (followed->listed)
        return;
    TAILQ_INSERT_TAIL(&followed->link->changed, followed, changed);
    followed->listed = true;
}

void followed_unmark_changed(struct followed *followed) {
    if (!followed->listed)
        return;
    TAILQ_REMOVE(&followed->link->changed, followed, changed);
    followed->listed = false;
}

/* The leader's session must not serve it any more. */
void followed_leave_session(struct followed *followed) {
    struct link *link = followed->link;

    followed_unmark_changed(followed);
    if (!followed->in_session)
        return;
    followed->in_session = false;
    link->in_session_count--;
    if (link->forgotten_count == link->forgotten_capacity) {
        link->forgotten_capacity =
            link->forgotten_capacity == 0 ? 16 : link->forgotten_capacity * 2;
        link->forgotten =
            realloc(link->forgotten, link->forgotten_capacity * sizeof(*link->forgotten));
        CHECK(link->forgotten != NULL);
    }
    link->forgotten[link->forgotten_count++] = followed->key;
}

/* The pause after so many failures in a row. All brokers learn of a new leader at the same moment,
 * so the first fetch often comes a little before the leader knows that it leads. A full backoff
 * would then hold up acks=all for that long. */
int64_t fetcher_pause_ms(const struct fetcher *fetcher, int32_t failures) {
    int64_t pause = PAUSE_MS_MIN << (failures < 16 ? failures : 16);
    int64_t longest = fetcher->fetchers->config.backoff_ms;

    return pause < longest ? pause : longest;
}

void followed_delay(struct followed *followed) {
    int64_t pause = fetcher_pause_ms(followed->link->fetcher, followed->failures++);

    followed_leave_session(followed);
    followed->state = FOLLOWED_DELAYED;
    followed->delayed_until_ms = clock_monotonic_ms(clock_system()) + pause;
    link_retry_in(followed->link, pause);
}

/* It took too much: asked for again when the throttle allows. */
void followed_pause_throttled(struct followed *followed) {
    followed_leave_session(followed);
    followed->state = FOLLOWED_DELAYED;
    followed->is_throttled = true;
    followed->delayed_until_ms = clock_monotonic_ms(clock_system()) + REPLICA_THROTTLE_LOOK_MS;
    link_retry_in(followed->link, REPLICA_THROTTLE_LOOK_MS);
}

static void followed_fail(struct followed *followed, enum error error) {
    LOG_ERROR("replica_fetch_failed",
              "topic=%s partition=%d leader=%d leader_epoch=%d error=%s reason=\"%s\" "
              "action=\"waits for a new leader epoch\"",
              partition_topic(followed->partition), partition_index(followed->partition),
              followed->link->leader_id, followed->leader_epoch, error_name(error),
              error_text(error));
    followed_leave_session(followed);
    followed->state = FOLLOWED_FAILED;
}

void followed_fetch_on(struct followed *followed) {
    followed->state = FOLLOWED_FETCHING;
    followed->is_throttled = false;
    followed->position = partition_fetch_position(followed->partition);
    followed_mark_changed(followed);
}

/* After an error of our own log: the partition's role changed (its follower will be told), the
 * disk failed, or what came was not as expected. */
void followed_handle_own_error(struct followed *followed, enum error error) {
    switch ((int)error) {
    case ERR_NONE:
        followed_fetch_on(followed);
        break;
    case ERR_NOT_LEADER_OR_FOLLOWER:
        followed_leave_session(followed);
        followed->state = FOLLOWED_FAILED;
        break;
    case ERR_CORRUPT_MESSAGE:
    case ERR_UNKNOWN_LEADER_EPOCH: /* the leader is none any more, which we shall learn */
    case ERR_OFFSET_OUT_OF_RANGE:
        LOG_WARN("replica_fetch_retried", "topic=%s partition=%d leader=%d error=%s",
                 partition_topic(followed->partition), partition_index(followed->partition),
                 followed->link->leader_id, error_name(error));
        followed_delay(followed);
        break;
    default:
        followed_fail(followed, error);
        break;
    }
}
