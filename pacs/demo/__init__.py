"""Synthetic studies to look at: invented patients, computed pictures, valid data sets."""
