"""One command a file; text or JSON; no window."""
