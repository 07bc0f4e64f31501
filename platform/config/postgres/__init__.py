"""A PostgreSQL that comes along: a Django database backend over an embedded server.

`server.py` starts, shares and stops it; `place.py` decides where it lives and as whom it runs.
"""
