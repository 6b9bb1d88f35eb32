"""The virtual internet."""
