"""The demo: a small language model on this machine, the gateway in front of it, and a script that talks to both."""
