"""Pure servers: the lab and `peerscope serve` both run them."""
