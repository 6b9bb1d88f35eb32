"""Pure Python between a snapshot and what a page shows: rows, sentences, series."""
