/*
 * The flags that change settings, the same for every command that does:
 *
 *   --config KEY=VALUE   --delete-config KEY   --append KEY=ITEM,...   --subtract KEY=ITEM,...
 */
#ifndef OPS_CLI_SETTING_FLAGS_H
#define OPS_CLI_SETTING_FLAGS_H

#include <barnabas/admin.h>

#include "ops/cli/command.h"

/* Rows for a command's own list. */
#define SETTING_FLAGS                                                                  \
    {'c', "config", "KEY=VALUE", "set this; may be repeated"},                         \
        {0, "delete-config", "KEY", "back to what holds without it; may be repeated"}, \
        {0, "append", "KEY=ITEM,...", "add items to a list; may be repeated"}, {       \
        0, "subtract", "KEY=ITEM,...", "take items out of a list; may be repeated"     \
    }

struct setting_changes {
    struct barnabas_setting_change items[INVOCATION_FLAGS_MAX];
    size_t count;
};

/* Fills `changes` from the flags, which the invocation must outlive; setting_changes_done frees
 * it, also after a failure. False after a complaint. */
bool setting_changes_take(const struct invocation *invocation, struct setting_changes *changes);
void setting_changes_done(struct setting_changes *changes);

/* "set a=1, delete b", for a question. */
void setting_changes_print(const struct setting_changes *changes, char *text, size_t size);

#endif
