"""The settings of the web server that is measured: the product's, with the bare view beside it."""

from config.settings import *  # noqa: F403 - all of them

ROOT_URLCONF = "benchmarks.bare_view"
