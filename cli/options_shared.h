/* options_shared -- the rows of flags that several commands have. */
#ifndef CLI_OPTIONS_SHARED_H
#define CLI_OPTIONS_SHARED_H

#include <sluice/time.h>

#include "cli/flags.h"

enum {
    OUTPUT_ROWS = 5,
    AWS_ROWS = 5,
    BATCH_ROWS = 6,
    TIMEOUT_ROWS = 1,
    RECEIVING_ROWS = 6,
    DRAIN_ROWS = 2
};

extern const struct flag output_rows[OUTPUT_ROWS]; /* of struct output_options */
extern const struct flag aws_rows[AWS_ROWS];       /* of struct aws_options */
extern const struct flag batch_rows[BATCH_ROWS];   /* of struct batch_options */
/* of struct run_options */
extern const struct flag timeout_rows[TIMEOUT_ROWS], receiving_rows[RECEIVING_ROWS],
    drain_rows[DRAIN_ROWS];
extern const struct flag_conflict output_conflicts[];

/* SQS counts in whole seconds: 0, or PROBLEM for the flag `name`. */
int check_seconds(const char *name, sl_dur d, struct problem *problem);

#endif
