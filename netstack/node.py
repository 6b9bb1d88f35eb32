"""Node: one endpoint of the whole stack."""
