"""The steps that bring the tables of an older archive up to date, in order."""
