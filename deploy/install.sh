#!/bin/sh
# Installs Periodic where this folder lies, on Debian 12 or newer, and again after each upgrade. The
# container image is made by the same script. Run it as root; it asks nothing and keeps no secret.
set -eu
umask 022
cd "$(dirname "$(readlink -f "$0")")/.."

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    python3-venv ca-certificates
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Periodic needs Python 3.11 or newer, which Debian has since 12." >&2
  exit 1
}

# Web server and worker run as this user, who owns nothing.
id periodic >/dev/null 2>&1 ||
  useradd --system --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin periodic

test -x .venv/bin/python || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
  --require-hashes -r requirements.txt
.venv/bin/python -m compileall -q platform integrations

# Nothing of these settings is kept: they are for this one command.
PERIODIC_ENV=production PERIODIC_ENV_FILE=/dev/null \
  SECRET_KEY="$(head -c 48 /dev/urandom | base64 -w 0)" \
  PERIODIC_ENCRYPTION_KEYS="$(head -c 32 /dev/urandom | base64)" \
  ALLOWED_HOSTS=install.invalid PUBLIC_URL=https://install.invalid \
  .venv/bin/python manage.py collectstatic --noinput --clear --verbosity 0

ln -sf "$PWD/deploy/periodic" /usr/local/bin/periodic
