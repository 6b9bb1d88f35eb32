"""A complete peer-to-peer networking stack for games; runs on any asyncio loop, knows no window."""
