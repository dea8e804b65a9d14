"""The archive as service class user: what it says to other Application Entities."""
