"""The one configuration file (TOML), read by every command and the window."""
