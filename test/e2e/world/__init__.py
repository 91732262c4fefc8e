"""The world around sluice in the end-to-end tests: queues, a service, and the program itself, each a process or a thread."""
