/* `barnabas log ...`: another program takes the whole command line from "log" on. */
#ifndef OPS_CLI_LOG_H
#define OPS_CLI_LOG_H

/* argv[0] is "log". Returns only if that program cannot be run, with the status to end with. */
int log_run(int argc, char **argv);

#endif
