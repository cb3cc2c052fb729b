"""The commands that look after memory, on a running gateway or on the store itself."""
