"""Processes that do what the archive's own process must not risk."""
