/*
 * settings_policy -- the attributes whose values are JSON: Policy, RedrivePolicy, RedriveAllowPolicy. Each setter reads the
 * text, and on QUEUE_OK has put it and what it says into the settings; else these are as before. An empty text takes the
 * attribute away.
 */
#ifndef QUEUE_SETTINGS_POLICY_H
#define QUEUE_SETTINGS_POLICY_H

#include <stdbool.h>

#include "queue/settings.h"

enum { POLICY_MAX = 8192, POLICY_STATEMENTS_MAX = 20 };

enum queue_error settings_set_policy(struct settings *settings, struct slice value,
                                     bool at_creation, struct queue_refusal *refusal);
enum queue_error settings_set_redrive(struct settings *settings, struct slice value,
                                      struct queue_refusal *refusal);
enum queue_error settings_set_redrive_allow(struct settings *settings, struct slice value,
                                            struct queue_refusal *refusal);

/* "Invalid value for the parameter NAME." */
enum queue_error settings_refuse_value(const char *name, struct queue_refusal *refusal);

/* Puts a copy of `text` in the place of *at; an empty one is NULL. false: no memory, *at is as before. */
bool settings_replace(char **at, struct slice text);

#endif
