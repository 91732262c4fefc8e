/* options_shared -- the rows of flags that several commands have. */
#ifndef CLI_OPTIONS_SHARED_H
#define CLI_OPTIONS_SHARED_H

#include "cli/flags.h"

enum { OUTPUT_ROWS = 5, AWS_ROWS = 5 };

extern const struct flag output_rows[OUTPUT_ROWS]; /* of struct output_options */
extern const struct flag aws_rows[AWS_ROWS];       /* of struct aws_options */
extern const struct flag_conflict output_conflicts[];

#endif
