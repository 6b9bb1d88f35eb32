"""Pure machines: `receive(data, now)`, `poll_transmit()`, `poll_event()`, `deadline()`."""
