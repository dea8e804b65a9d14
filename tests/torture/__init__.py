"""Faults brought about for real: processes killed, servers away, disks full, under load."""
