"""The engines: one way in, one way to ask, one way out. None knows another."""
