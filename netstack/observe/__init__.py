"""What was seen: store, journal, history."""
