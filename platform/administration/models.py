"""No tables yet: apps with this module are sent post_migrate, which keeps the roles."""
