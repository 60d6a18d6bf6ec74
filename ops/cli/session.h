/*
 * What the commands have in common once they run: the client's configuration from the command
 * line, messages about what failed, and the question before something is changed.
 */
#ifndef OPS_CLI_SESSION_H
#define OPS_CLI_SESSION_H

#include <barnabas/barnabas.h>

#include "ops/cli/command.h"

/* From the global flags and the environment; NULL after a complaint, which is a usage error.
 * The caller frees it. */
struct barnabas_config *session_config(const struct invocation *invocation);

/* A setting that -X did not set. */
bool session_default(const struct invocation *invocation, struct barnabas_config *config,
                     const char *key, const char *value);

/* --timeout in milliseconds; `otherwise` if it was not given. False after a complaint. */
bool session_timeout_ms(const struct invocation *invocation, int64_t otherwise,
                        int64_t *timeout_ms);

/* The admin handle; a status other than OK after a complaint. */
enum exit_status session_admin(const struct invocation *invocation, struct barnabas_admin **admin,
                               int64_t *timeout_ms);

/* --output json; false in `*json` for a table. False after a complaint. */
bool session_json(const struct invocation *invocation, bool *json);

/* "barnabas: WHAT: NAME: TEXT" on standard error; gives the status. */
enum exit_status session_fail(const char *what, int error);

/* Says on standard error what to do about an error, where there is something to say. */
void session_hint(int error);

/* Prints what failed of the outcomes; `what` names the action. All, some or none failed gives
 * the status. */
enum exit_status session_outcomes(const char *what, const struct barnabas_outcomes *outcomes);

/* Whether a command looks at what it would do before it does it: to show that with --dry-run, or
 * before it asks. With --yes it goes ahead. */
bool session_looks_first(const struct invocation *invocation);

/* Asks before a change whose effect was printed: for "y", or if `typed` is not NULL for that
 * word. With --yes it does not ask; where nobody can be asked, or with --output json, it refuses.
 */
enum exit_status session_confirm(const struct invocation *invocation, const char *question,
                                 const char *typed);

#endif
