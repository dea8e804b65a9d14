"""What a person types: each command translates, calls the archive once, and tells the outcome."""
