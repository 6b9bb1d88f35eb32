"""The window and the command line around the stack."""
