"""The gateway's own interfaces to what is remembered."""
