/*
 * The znodes of the model ZooKeeper, and transactions on them: all or nothing, with a log that
 * undoes what was done when an operation is refused.
 */
#ifndef TESTS_SIMULATION_MODEL_TREE_H
#define TESTS_SIMULATION_MODEL_TREE_H

#include "tests/simulation/model_zookeeper.h"

struct model_tree;
struct model_node;

struct model_tree *model_tree_new(void);
void model_tree_free(struct model_tree *tree);

struct model_node *model_tree_find(struct model_tree *tree, const char *path);
struct zk_stat model_node_stat(const struct model_node *node);
struct bytes model_node_data(const struct model_node *node);
const char *model_node_path(const struct model_node *node);
struct model_node *model_node_first_child(struct model_node *node);
struct model_node *model_node_next_sibling(struct model_node *node);

struct model_transaction_result {
    enum error error;
    size_t failed;                /* operation that was refused */
    struct zk_op_result *results; /* one per operation */
    struct model_change *changes; /* if it was committed */
    size_t change_count;
};

/* Applies the operations for a session (0: an operator). *result is valid until
 * model_transaction_done. */
void model_tree_apply(struct model_tree *tree, const struct zk_op *ops, size_t count,
                      int64_t session_id, int64_t now_ms, struct model_transaction_result *result);
void model_transaction_done(struct model_transaction_result *result, size_t op_count);

/* The first ephemeral node of a session; NULL if none. */
struct model_node *model_tree_ephemeral(struct model_tree *tree, int64_t session_id);

#endif
