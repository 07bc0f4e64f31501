"""A small stand-in of GitHub on this machine: enough of it to connect, poll and be told."""
