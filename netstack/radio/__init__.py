"""Bluetooth LE: one small interface (`protocol.py`), this computer's radio and the lab's behind it."""
