"""How two people find each other: drivers that carry notes to and from a mailbox.

A driver is run with the mailbox's name and a function that takes what comes; `send` never waits. It reconnects by
itself until cancelled, and its `health` says in words how it fares. It never reads a note.
"""
