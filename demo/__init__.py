"""What shows Periodic at work on one machine: `make up`, `make demo`, and a callback receiver.

Nothing in `platform/` or `integrations/` imports this.
"""
