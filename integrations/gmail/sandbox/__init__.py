"""A stand-in for Google on this machine: consent, tokens and the part of Gmail REST v1 in use.

For demos and tests only. It binds to loopback addresses, and never starts in production.
`python -m integrations.gmail.sandbox --help` shows how to run it.
"""
