"""Small parts of pages; they know nothing of the stack."""
