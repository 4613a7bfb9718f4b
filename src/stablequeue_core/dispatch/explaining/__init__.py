"""Why a job waits, what each server could do for it, and when it will be done."""
