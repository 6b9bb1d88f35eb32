"""The seam between the stack and the operating system, or the lab."""
