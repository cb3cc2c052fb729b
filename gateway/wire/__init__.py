"""The wire formats: pure functions over bytes and JSON, no I/O."""
