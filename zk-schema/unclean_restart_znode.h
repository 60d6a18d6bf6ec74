/*
 * /barnabas/unclean_restarts/N: the process of broker N started on logs that had not been closed
 * cleanly, so that it may have lost the end of any of them.
 *
 * Ephemeral, made in the multi that registers the broker, and gone with it. The content says with
 * which registration the process first came: null, this one (the znode's own czxid); else that
 * registration's czxid, as decimal text. A state that was written before that counted on a log
 * that may have lost its end; one written later did not.
 */
#ifndef ZK_SCHEMA_UNCLEAN_RESTART_ZNODE_H
#define ZK_SCHEMA_UNCLEAN_RESTART_ZNODE_H

#include "zk-schema/znode_json.h"

/* `since` 0 gives null. */
struct bytes unclean_restart_znode_encode(int64_t since, struct arena *arena);

/* `czxid` is the znode's own. Errors: ZK_DATA_INVALID. */
MUST_CHECK enum error unclean_restart_znode_decode(const char *path, struct bytes data,
                                                   int64_t czxid, int64_t *since,
                                                   struct znode_error *error);

#endif
