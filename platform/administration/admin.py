"""Where Django looks for an app's pages in the admin: all of them are in `pages`."""

from administration.pages import (  # noqa: F401 - importing registers them
    audit,
    bulk,
    errands,
    events,
    instances,
    organizations,
    people,
    polling,
    quota,
    tasks,
    watches,
)
