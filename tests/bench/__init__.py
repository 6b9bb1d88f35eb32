"""Reference programs: what others, or nothing but the bare work, reach on the same machine in the same minute."""
