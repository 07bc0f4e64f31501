"""How gunicorn serves Periodic: `gunicorn --config platform/config/gunicorn.py`.

What varies is a setting (docs/settings.md); an option of the command line has the last word.
"""

from __future__ import annotations

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()
environ.Env.read_env(env.str("PERIODIC_ENV_FILE", str(BASE_DIR / ".env")))

wsgi_app = "config.wsgi"
chdir = str(BASE_DIR / "platform")
worker_class = "config.web_worker.Worker"
bind = env.str("WEB_BIND", "127.0.0.1:8000")
workers = env.int("WEB_WORKERS", 1)
threads = env.int("WEB_THREADS", 16)
graceful_timeout = 8  # seconds; what stops a container kills everything after ten
control_socket_disable = True
