"""Arithmetic on the pixels of one instance: arrays and bytes in, arrays and bytes out, no I/O."""
