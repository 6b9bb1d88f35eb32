"""Asyncio shells that carry sealed packets: one `Transport` protocol, one file for each transport."""
