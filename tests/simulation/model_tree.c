#include "tests/simulation/model_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

struct model_node {
    char *path;
    struct bytes data; /* owned */
    struct zk_stat stat;
    int32_t created_count; /* children ever */
    struct model_node *parent;
    TAILQ_HEAD(, model_node) children;
    TAILQ_ENTRY(model_node) sibling;
    UT_hash_handle hh;
};

struct model_tree {
    struct model_node *nodes;
    int64_t zxid;
};

static void *allocate(size_t size) {
    void *memory = calloc(1, size == 0 ? 1 : size);

    CHECK(memory != NULL);
    return memory;
}

static struct bytes duplicate(struct bytes source) {
    uint8_t *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = allocate(source.size);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

static char *duplicate_text(const char *text) {
    char *copy = strdup(text);

    CHECK(copy != NULL);
    return copy;
}

static struct model_node *node_new(const char *path, struct bytes data) {
    struct model_node *node = allocate(sizeof(*node));

    node->path = duplicate_text(path);
    node->data = duplicate(data);
    TAILQ_INIT(&node->children);
    return node;
}

static void node_free(struct model_node *node) {
    free(node->path);
    free((void *)(uintptr_t)node->data.data);
    free(node);
}

struct model_tree *model_tree_new(void) {
    struct model_tree *tree = allocate(sizeof(*tree));
    struct model_node *root = node_new("/", BYTES_NULL);

    HASH_ADD_KEYPTR(hh, tree->nodes, root->path, strlen(root->path), root);
    return tree;
}

void model_tree_free(struct model_tree *tree) {
    struct model_node *node, *next;

    HASH_ITER (hh, tree->nodes, node, next) {
        HASH_DEL(tree->nodes, node);
        node_free(node);
    }
    free(tree);
}

struct model_node *model_tree_find(struct model_tree *tree, const char *path) {
    struct model_node *node;

    HASH_FIND_STR(tree->nodes, path, node);
    return node;
}

struct zk_stat model_node_stat(const struct model_node *node) {
    return node->stat;
}

struct bytes model_node_data(const struct model_node *node) {
    return node->data;
}

const char *model_node_path(const struct model_node *node) {
    return node->path;
}

struct model_node *model_node_first_child(struct model_node *node) {
    return TAILQ_FIRST(&node->children);
}

struct model_node *model_node_next_sibling(struct model_node *node) {
    return TAILQ_NEXT(node, sibling);
}

struct model_node *model_tree_ephemeral(struct model_tree *tree, int64_t session_id) {
    for (struct model_node *node = tree->nodes; node != NULL; node = node->hh.next)
        if (node->stat.ephemeral_owner == session_id && session_id != 0)
            return node;
    return NULL;
}

static struct model_node *find_parent(struct model_tree *tree, const char *path) {
    const char *slash = strrchr(path, '/');
    struct model_node *parent;
    char *parent_path;

    CHECK(path[0] == '/' && slash[1] != '\0');
    if (slash == path)
        return model_tree_find(tree, "/");
    parent_path = duplicate_text(path);
    parent_path[slash - path] = '\0';
    parent = model_tree_find(tree, parent_path);
    free(parent_path);
    return parent;
}

static void attach(struct model_tree *tree, struct model_node *node, struct model_node *parent) {
    node->parent = parent;
    TAILQ_INSERT_TAIL(&parent->children, node, sibling);
    parent->stat.child_count++;
    HASH_ADD_KEYPTR(hh, tree->nodes, node->path, strlen(node->path), node);
}

static void detach(struct model_tree *tree, struct model_node *node) {
    TAILQ_REMOVE(&node->parent->children, node, sibling);
    node->parent->stat.child_count--;
    HASH_DEL(tree->nodes, node);
}

/* ---- Transactions */

/* How to take one operation back. */
struct undo {
    enum zk_op_kind kind;
    struct model_node *node;
    struct bytes data; /* SET: what was there */
    struct zk_stat stat;
    struct zk_stat parent_stat;
    int32_t parent_created;
};

struct transaction {
    struct model_tree *tree;
    int64_t session_id, now_ms;
    struct undo *undos;
    size_t undo_count;
};

static struct undo *remember(struct transaction *t, enum zk_op_kind kind, struct model_node *node,
                             struct model_node *parent) {
    struct undo *undo = &t->undos[t->undo_count++];

    *undo = (struct undo){.kind = kind, .node = node, .stat = node->stat};
    if (parent != NULL) {
        undo->parent_stat = parent->stat;
        undo->parent_created = parent->created_count;
    }
    return undo;
}

static enum error apply_create(struct transaction *t, const struct zk_op *op,
                               struct zk_op_result *result) {
    struct model_node *parent = find_parent(t->tree, op->path);
    struct model_node *node;
    char path[1200];

    if (parent == NULL)
        return ERR_ZK_NO_NODE;
    if (parent->stat.ephemeral_owner != 0)
        return ERR_ZK_NO_CHILDREN_FOR_EPHEMERALS;
    if ((op->flags & ZK_SEQUENTIAL) != 0)
        snprintf(path, sizeof(path), "%s%010d", op->path, parent->created_count);
    else
        snprintf(path, sizeof(path), "%s", op->path);
    if (model_tree_find(t->tree, path) != NULL)
        return ERR_ZK_NODE_EXISTS;
    node = node_new(path, op->data);
    remember(t, ZK_OP_CREATE, node, parent);
    attach(t->tree, node, parent);
    parent->created_count++;
    parent->stat.cversion++;
    node->stat.czxid = node->stat.mzxid = t->tree->zxid;
    node->stat.ctime_ms = t->now_ms;
    node->stat.ephemeral_owner = (op->flags & ZK_EPHEMERAL) != 0 ? t->session_id : 0;
    result->created_path = node->path;
    return ERR_NONE;
}

static enum error find_at_version(struct transaction *t, const struct zk_op *op,
                                  struct model_node **found) {
    struct model_node *node = model_tree_find(t->tree, op->path);

    if (node == NULL)
        return ERR_ZK_NO_NODE;
    if (op->version != ZK_ANY_VERSION && op->version != node->stat.version)
        return ERR_ZK_BAD_VERSION;
    *found = node;
    return ERR_NONE;
}

static enum error apply_set(struct transaction *t, const struct zk_op *op,
                            struct zk_op_result *result) {
    struct model_node *node;
    enum error error = find_at_version(t, op, &node);

    if (error != ERR_NONE)
        return error;
    remember(t, ZK_OP_SET, node, NULL)->data = node->data;
    node->data = duplicate(op->data);
    node->stat.version++;
    node->stat.mzxid = t->tree->zxid;
    result->stat = node->stat;
    return ERR_NONE;
}

static enum error apply_delete(struct transaction *t, const struct zk_op *op) {
    struct model_node *node;
    enum error error = find_at_version(t, op, &node);

    if (error != ERR_NONE)
        return error;
    if (!TAILQ_EMPTY(&node->children))
        return ERR_ZK_NOT_EMPTY;
    remember(t, ZK_OP_DELETE, node, node->parent);
    detach(t->tree, node);
    node->parent->stat.cversion++;
    return ERR_NONE;
}

static enum error apply_one(struct transaction *t, const struct zk_op *op,
                            struct zk_op_result *result) {
    struct model_node *node;

    switch (op->kind) {
    case ZK_OP_CHECK:
        return find_at_version(t, op, &node);
    case ZK_OP_CREATE:
        return apply_create(t, op, result);
    case ZK_OP_SET:
        return apply_set(t, op, result);
    case ZK_OP_DELETE:
        return apply_delete(t, op);
    }
    return ERR_ZK_REFUSED;
}

static void undo_one(struct transaction *t, struct undo *undo) {
    struct model_node *node = undo->node;

    switch (undo->kind) {
    case ZK_OP_CREATE:
        detach(t->tree, node);
        node->parent->stat = undo->parent_stat;
        node->parent->created_count = undo->parent_created;
        node_free(node);
        break;
    case ZK_OP_SET:
        free((void *)(uintptr_t)node->data.data);
        node->data = undo->data;
        node->stat = undo->stat;
        break;
    case ZK_OP_DELETE:
        attach(t->tree, node, node->parent);
        node->parent->stat = undo->parent_stat;
        node->parent->created_count = undo->parent_created;
        break;
    case ZK_OP_CHECK:
        break;
    }
}

/* What was done becomes the list of changes, which owns what it shows. */
static void commit(struct transaction *t, struct model_transaction_result *result) {
    result->changes = allocate(t->undo_count * sizeof(*result->changes));
    result->change_count = t->undo_count;
    for (size_t i = 0; i < t->undo_count; i++) {
        struct undo *undo = &t->undos[i];
        result->changes[i] = (struct model_change){
            .kind = undo->kind,
            .path = duplicate_text(undo->node->path),
            .data = duplicate(undo->node->data),
            .stat = undo->node->stat,
            .session_id = t->session_id,
        };
        if (undo->kind == ZK_OP_SET)
            free((void *)(uintptr_t)undo->data.data);
        if (undo->kind == ZK_OP_DELETE)
            node_free(undo->node);
    }
}

void model_tree_apply(struct model_tree *tree, const struct zk_op *ops, size_t count,
                      int64_t session_id, int64_t now_ms, struct model_transaction_result *result) {
    struct transaction t = {.tree = tree, .session_id = session_id, .now_ms = now_ms};

    *result =
        (struct model_transaction_result){.results = allocate(count * sizeof(*result->results))};
    t.undos = allocate(count * sizeof(*t.undos));
    tree->zxid++;
    for (size_t i = 0; i < count; i++) {
        if (result->error == ERR_NONE) {
            result->error = apply_one(&t, &ops[i], &result->results[i]);
            result->results[i].error = result->error;
            result->failed = i;
        } else {
            result->results[i].error = ERR_ZK_NOT_ATTEMPTED;
        }
    }
    if (result->error == ERR_NONE) {
        for (size_t i = 0; i < count; i++)
            if (result->results[i].created_path != NULL)
                result->results[i].created_path = duplicate_text(result->results[i].created_path);
        commit(&t, result);
    } else {
        while (t.undo_count > 0)
            undo_one(&t, &t.undos[--t.undo_count]);
        for (size_t i = 0; i < count; i++)
            result->results[i].created_path = NULL;
    }
    free(t.undos);
}

void model_transaction_done(struct model_transaction_result *result, size_t op_count) {
    for (size_t i = 0; i < op_count; i++)
        free((void *)(uintptr_t)result->results[i].created_path);
    free(result->results);
    for (size_t i = 0; i < result->change_count; i++) {
        free((void *)(uintptr_t)result->changes[i].path);
        free((void *)(uintptr_t)result->changes[i].data.data);
    }
    free(result->changes);
}
