"""Settings, all from the environment: docs/settings.md has the table.

Development is the default and safe on loopback only; `PERIODIC_ENV=production` refuses to start
without the settings that keep it safe.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import django_stubs_ext
import environ
from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from config import clock, logs, production, public_url

clock.install()
django_stubs_ext.monkeypatch()  # Django's generic classes take their parameters at run time too
BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()
environ.Env.read_env(env.str("PERIODIC_ENV_FILE", str(BASE_DIR / ".env")))

PERIODIC_ENV = env.str("PERIODIC_ENV", "development")
if PERIODIC_ENV not in {"development", "production"}:
    raise ImproperlyConfigured("PERIODIC_ENV must be development or production")
PRODUCTION = PERIODIC_ENV == "production"


faults: list[str] = []  # why production does not start, all told at the end of this file


def required_in_production(name: str, development_default: str) -> str:
    value: str = env.str(name, "" if PRODUCTION else development_default)
    if not value:
        faults.append(f"{name} is not set: docs/settings.md says what it is and how to make one.")
    return value


LOGGING = logs.configure(production=PRODUCTION, level=env.str("LOG_LEVEL", "INFO").upper())
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = required_in_production("SECRET_KEY", "development-only-never-in-production")
ALLOWED_HOSTS = [
    host.strip()
    for host in required_in_production("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]
# AES-256 keys, base64 of 32 bytes, newest first.
PERIODIC_ENCRYPTION_KEYS = [
    key.strip()
    for key in required_in_production(
        "PERIODIC_ENCRYPTION_KEYS", production.PUBLISHED_ENCRYPTION_KEY
    ).split(",")
    if key.strip()
]

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it has others for
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "axes",
    "api",
    "audit",
    "counters",
    "worker",  # before django_q: its qcluster command stands in for django-q2's
    "django_q",
    "accounts",
    "encryption",
    "elements",
    "quota",
    "instances",
    "watching",
    "polling",
    "events",
    "bulk",
    "monitoring",
    "backup",
    "upgrading",
    "inbox",
    "console",
    "administration",  # last: it gives roles the permissions of all others
]

MIDDLEWARE = [
    "api.request_id.RequestIdMiddleware",
    "console.content_security.ContentSecurityPolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "api.tls_redirect.TlsRedirectMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "api.unsupported.UnsupportedHeadersMiddleware",
    "config.clock.ClockMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.LastSeenMiddleware",
    "api.acting.ActingMiddleware",
    "api.waiting.WaitingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "hubs.routing.ElementFirstMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "api.outages.OutageMiddleware",  # last: it is asked first about what a view raised
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ------------------------------------------------------------------------------------
EMBEDDED_POSTGRES_DIR = env.str("EMBEDDED_POSTGRES_DIR", str(BASE_DIR / "var" / "postgres"))
if env.str("DATABASE_URL", ""):
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgresql://…")
    DATABASES["default"]["ENGINE"] = "config.given_postgres"
else:
    DATABASES = {"default": {"ENGINE": "config.postgres", "NAME": "periodic"}}
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# How long one statement may take, in seconds; 0 is no limit. Commands have none.
DATABASE_STATEMENT_SECONDS = {
    "web": env.float("DATABASE_WEB_STATEMENT_SECONDS", 15),
    "worker": env.float("DATABASE_WORKER_STATEMENT_SECONDS", 60),
    "maintenance": env.float("DATABASE_MAINTENANCE_STATEMENT_SECONDS", 600),
}
# A cursor on the server lives in a session, which a pooler lends for one transaction only. What is
# too much for memory is read page by page.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People and pages ----------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["console.guessing.GuessingBackend", "accounts.backend.AccessBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.password_policy.PersonValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": max(8, env.int("PASSWORD_MIN_LENGTH", 8))},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {
        "NAME": "accounts.password_policy.CharacterValidator",
        "OPTIONS": {
            "uppercase": env.int("PASSWORD_MIN_UPPERCASE", 0),
            "lowercase": env.int("PASSWORD_MIN_LOWERCASE", 0),
            "numeric": env.int("PASSWORD_MIN_NUMBERS", 0),
            "special": env.int("PASSWORD_MIN_SYMBOLS", 0),
        },
    },
]
LOGIN_URL = "console:sign-in"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "console:sign-in"
PASSWORD_RESET_TIMEOUT = 3600  # seconds that the link of an e-mail is good
# Guessing of passwords (console.guessing): counted by address and name together, so that nobody
# can lock a person out from somewhere else.
THROTTLE_SIGN_INS = env.int("THROTTLE_SIGN_INS", 20)  # a minute, of one address; 0 is no limit
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURES", 5)
AXES_COOLOFF_TIME = timedelta(minutes=env.float("SIGN_IN_PAUSE_MINUTES", 15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "console.guessing.address_of"
AXES_USERNAME_CALLABLE = "console.guessing.name_typed"
AXES_LOCKOUT_CALLABLE = "console.guessing.refused"
AXES_RESET_ON_SUCCESS = False  # console.guessing.succeeded does it
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "var" / "static")))
WHITENOISE_USE_FINDERS = not PRODUCTION  # production serves what collectstatic gathered
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "config.static_storage.HashedStorage"},
    }
else:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns of a missing folder
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_ENGINE = "accounts.sessions"
MESSAGE_STORAGE = "console.message_storage.SealedStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # asked by machines, beside the TLS proxy
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes of a request body
# Bytes of the body of a hub call: a mail of 25 MB, as Gmail takes it, with its files in base64.
HUB_BODY_LIMIT = env.int("HUB_BODY_LIMIT", 36_000_000)
# Of a provider's webhook: GitHub's have up to 25 MB, and are longer in a form.
WEBHOOK_BODY_LIMIT = env.int("WEBHOOK_BODY_LIMIT", 36_000_000)
# Where people reach this server; the console's OAuth callback is below it.
PUBLIC_URL = required_in_production("PUBLIC_URL", "http://localhost:8000")
if PUBLIC_URL:
    try:
        PUBLIC_URL = public_url.read(PUBLIC_URL, https_only=SECURE_SSL_REDIRECT)
    except ImproperlyConfigured as error:
        if not PRODUCTION:
            raise
        faults.append(str(error))  # said with all others, at the end
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]  # forms come from there, also where a proxy rewrites Host

# --- The admin (platform/administration) ---------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Periodic",
    "SITE_HEADER": "Periodic",
    "SITE_SYMBOL": "autorenew",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _: static("administration/icon.svg"),
        }
    ],
    "SHOW_BACK_BUTTON": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _: static("administration/theme.css")],
    "SIDEBAR": {"navigation": "administration.sidebar.groups"},
    "DASHBOARD_CALLBACK": "administration.dashboard.figures",
    "GLOBAL_CALLBACK": "administration.errands.tell",
}

# --- REST API ------------------------------------------------------------------------------------
APPEND_SLASH = False
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.HeaderAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.IsAuthenticatedCaller"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter of the vendor's
    "DEFAULT_SCHEMA_CLASS": "api.openapi.Operation",
    "DEFAULT_THROTTLE_CLASSES": ["api.throttle.CallerThrottle"],
    # As many of X-Forwarded-For are believed. What ends TLS in front is one.
    "NUM_PROXIES": env.int("PROXIES", 1 if BEHIND_TLS_PROXY else 0),
}
# Which pages of other origins may call the API. Secrets travel in a header, never in cookies.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/elements/"
CORS_ALLOW_HEADERS = (
    *default_headers,
    "element-instances",
    "elements-async-callback-url",
    "elements-async-request",
    "elements-user-password",
    "elements-version",
    "idempotency-key",
)
# Requests a minute, over all processes and hosts; 0 is no limit.
THROTTLE_USER = env.int("THROTTLE_USER", 6_000)
THROTTLE_ORGANIZATION = env.int("THROTTLE_ORGANIZATION", 12_000)
THROTTLE_ADDRESS = env.int("THROTTLE_ADDRESS", 600)  # without secrets
THROTTLE_REFUSALS = env.int("THROTTLE_REFUSALS", 60)  # with wrong secrets
THROTTLE_UNSIGNED_WEBHOOKS = env.int("THROTTLE_UNSIGNED_WEBHOOKS", 600)  # of one instance
THROTTLE_INBOX = env.int("THROTTLE_INBOX", 6_000)  # that one account's inbox takes
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Periodic",
    "DESCRIPTION": "Connects accounts at providers, notices every change, and sends each as a "
    "signed event.",
    "VERSION": "api-v2",
    "SERVERS": [{"url": "/elements/api-v2"}],
    "SCHEMA_PATH_PREFIX": "/elements/api-v2",
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "POSTPROCESSING_HOOKS": ["api.openapi.complete"],
    "TAGS": [  # in the order in which a newcomer needs them
        {"name": "elements", "description": "What can be connected, and consent to it"},
        {"name": "instances", "description": "Connected accounts"},
        {"name": "hubs", "description": "What runs at the provider, with an instance's token"},
        {"name": "polling", "description": "Polls: now, and how they went"},
        {"name": "events", "description": "What was found, notifications, and their deliveries"},
        {"name": "explanations", "description": "Why an event was sent, or why none was"},
        {"name": "bulk", "description": "All records of a resource, for download"},
        {"name": "accounts", "description": "Accounts, users, roles and the organization"},
    ],
}

# --- E-mail --------------------------------------------------------------------------------------
# Without EMAIL_URL development prints e-mails, and production sends none.
EMAIL_URL = env.str("EMAIL_URL", "" if PRODUCTION else "consolemail://")
EMAIL_ENABLED = bool(EMAIL_URL)
if EMAIL_ENABLED:
    globals().update(environ.Env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "periodic@localhost")
EMAIL_RECIPIENTS = env.str("EMAIL_RECIPIENTS", "users")
if EMAIL_RECIPIENTS not in {"users", "anyone"}:
    raise ImproperlyConfigured("EMAIL_RECIPIENTS must be users or anyone")
OWNER_EMAILS = env.bool("OWNER_EMAILS", True)  # to who connected an account, when it needs somebody
EMAILS_PER_HOUR = env.int("EMAILS_PER_HOUR", 100)  # of one organization

# --- Elements and providers ----------------------------------------------------------------------
# Folders beside integrations/ in which further elements are found.
INTEGRATIONS_DIRS = env.list("INTEGRATIONS_DIRS", default=[])
# Sandboxes that stand in for providers on this machine: `gmail=http://127.0.0.1:8025`.
SANDBOXES = env.dict("SANDBOXES", default={})
# Private networks that outgoing requests may reach, as CIDR; none unless configured.
ALLOWED_PRIVATE_NETWORKS = env.list("ALLOWED_PRIVATE_NETWORKS", default=[])
# All that goes to providers and receivers goes through it (transport.proxy); never HTTP_PROXY.
OUTGOING_PROXY = env.str("OUTGOING_PROXY", "")
OUTGOING_PROXY_BYPASS = env.list("OUTGOING_PROXY_BYPASS", default=ALLOWED_PRIVATE_NETWORKS)
# Whose certificates are believed (transport.trust).
SSL_CERT_FILE = env.str("SSL_CERT_FILE", "")
SSL_CERT_DIR = env.str("SSL_CERT_DIR", "")
if not SSL_CERT_FILE and not SSL_CERT_DIR:  # requests' own name, for those who have it set
    SSL_CERT_FILE = env.str("REQUESTS_CA_BUNDLE", "")

# --- Staying connected ---------------------------------------------------------------------------
GRANT_WARNING_DAYS = env.float("GRANT_WARNING_DAYS", 2)  # before a grant ends by itself
POLL_OVERDUE_GRACE = env.float("POLL_OVERDUE_GRACE", 60)  # seconds beside two intervals
COUNTERS_STORED_EVERY = 10.0  # seconds, by each process; 0 stores nothing until it is asked to
METRICS_TOKEN = env.str("METRICS_TOKEN", "")  # empty: closed in production
RECONNECT_LINK_DAYS = env.float("RECONNECT_LINK_DAYS", 7)  # that a link to connect again is good

# --- Worker --------------------------------------------------------------------------------------
# A task only says "look for work": the truth is in rows (docs/architecture.md).
Q_CLUSTER = {
    "name": "periodic",
    "workers": env.int("WORKERS", 2),  # for tasks; each loop has processes beside them
    "broker_class": "worker.broker.DatabaseBroker",
    "orm": "default",
    "queue_limit": 2,  # tasks that one host takes before it has a process free for them
    "guard_cycle": 0.1,  # seconds
    "timeout": 120,  # seconds
    "retry": 150,
    "max_attempts": 1,
    "poll": 0.2,
    "save_limit": 100,
    "catch_up": False,
    "ack_failures": True,
    "label": "Tasks and schedules",
}


def loops(name: str, default: str) -> int | None:
    """How many loops of a kind run over all hosts; None is one for each host that is alive."""
    text: str = env.str(name, default)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise ImproperlyConfigured(
            f"{name} is {text!r}. It must be a number from 1 to 64, or empty."
        )
    return int(text)


POLL_LOOPS = loops("POLL_LOOPS", "")
DELIVERY_LOOPS = loops("DELIVERY_LOOPS", "")
POLL_CONCURRENCY = env.int("POLL_CONCURRENCY", 200)  # polls in flight in one loop
AUDIT_KEPT_DAYS = env.int("AUDIT_KEPT_DAYS", 365)  # 0 keeps them for ever
EVENTS_KEPT_DAYS = env.int("EVENTS_KEPT_DAYS", 30)  # 0 keeps them for ever
BULK_LOOPS = loops("BULK_LOOPS", "1")
BULK_CONCURRENCY = env.int("BULK_CONCURRENCY", 8)  # bulk jobs at work in one loop
BULK_KEPT_DAYS = env.int("BULK_KEPT_DAYS", 7)  # 0 keeps them for ever
BULK_LARGEST_BYTES = env.int("BULK_LARGEST_BYTES", 2_000_000_000)  # one job, as it is stored
DELIVERY_CONCURRENCY = env.int("DELIVERY_CONCURRENCY", 200)

# --- Production ----------------------------------------------------------------------------------
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # AccessBackend tells users of one address apart until one has verified it
    "security.W001",  # a middleware of ours extends the one that Django looks for
    # Whether all subdomains of its domain are on TLS, only the domain's owner knows.
    "security.W005",
    "security.W021",
]
if PRODUCTION:
    faults += production.faults(
        secret_key=SECRET_KEY,
        encryption_keys=PERIODIC_ENCRYPTION_KEYS,
        debug=DEBUG,
        allowed_hosts=ALLOWED_HOSTS,
        private_networks=ALLOWED_PRIVATE_NETWORKS,
        sandboxes=SANDBOXES,
    )
    if faults:
        raise ImproperlyConfigured(
            "Production does not start with these settings:\n- " + "\n- ".join(faults)
        )
