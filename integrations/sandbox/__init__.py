"""What the stand-ins of providers have in common. They run on this machine and reach no other."""
