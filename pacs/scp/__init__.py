"""The DIMSE door: the archive as service class provider."""
