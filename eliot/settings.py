"""All of Eliot's settings. Defaults run a laptop safely; the environment changes the rest.

`ELIOT_DATA` holds everything that Eliot writes. Without `ELIOT_PUBLIC_URL` only this machine is let in.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF

from eliot import env

django_stubs_ext.monkeypatch()  # lets admin classes and form sets name their model

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = re.search(  # the changelog is the one place where the version is written
    r"^## \[?(\d+\.\d+\.\d+)", (BASE_DIR / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
)[1]  # type: ignore[index]

ELIOT_DATA = env.data_folder(Path(env.text("ELIOT_DATA") or BASE_DIR / "data"))
ELIOT_PUBLIC_URL = env.text("ELIOT_PUBLIC_URL").rstrip("/")
ELIOT_DATABASE_URL = env.text("ELIOT_DATABASE_URL")
ELIOT_REDIS_URL = env.text("ELIOT_REDIS_URL")
ELIOT_WORKERS = env.number("ELIOT_WORKERS", 32, minimum=4)
ELIOT_LOG_LEVEL = env.choice("ELIOT_LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
# Who gets a job: whoever ends it soonest; or strong cards for fine work and weak ones for drafts, while they keep up.
ELIOT_POLICY = env.choice("ELIOT_POLICY", "fastest", "tiered")
# So many jobs may wait for a node before work of its tier goes to the next one; of the tiered policy.
ELIOT_OVERFLOW = env.number("ELIOT_OVERFLOW", 4, minimum=1)
# Where the packet that wakes machines is sent: everybody on this network.
ELIOT_WAKE_TO = env.text("ELIOT_WAKE_TO", "255.255.255.255:9")
# Test rigs shorten every timer of the farm by one factor; 1 is true time.
ELIOT_TIME_FACTOR = env.number("ELIOT_TIME_PERCENT", 100, minimum=1) / 100
# Drills let it crash at named places (eliot/failpoints.py).
ELIOT_FAILPOINTS = env.text("ELIOT_FAILPOINTS")

DEBUG = env.flag("ELIOT_DEBUG")
SECRET_KEY = env.text("ELIOT_SECRET_KEY") or env.kept_secret(ELIOT_DATA / "secret_key")
INSTALL_ID = env.kept_secret(ELIOT_DATA / "install_id", length=6)

_public = urlsplit(ELIOT_PUBLIC_URL)
_tls = _public.scheme == "https"
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *([_public.hostname] if _public.hostname else []),
]
CSRF_TRUSTED_ORIGINS = [ELIOT_PUBLIC_URL] if ELIOT_PUBLIC_URL else []

INSTALLED_APPS = [
    "daphne",
    "eliot",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
    "huey.contrib.djhuey",
    "gallery_app",
    "farm_app",
    "sessions_app",
    "storyboard_app",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "eliot.http.FriendlyBusyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "eliot.policy.LocalOwnerMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "eliot.urls"
ASGI_APPLICATION = "eliot.asgi.application"
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


def _postgres(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A deferred transaction that turns into a writer fails at once, whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            # Three seconds suit a request; worker threads raise it (eliot.live.patient_database).
            "timeout": 3,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-1000;"
            ),
        },
        # A file also in tests: threads fail on a shared in-memory database.
        "TEST": {"NAME": str(ELIOT_DATA / "test-eliot.sqlite3")},
    }


DATABASES = {
    "default": _postgres(ELIOT_DATABASE_URL)
    if ELIOT_DATABASE_URL
    else _sqlite(ELIOT_DATA / "eliot.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

HUEY = {
    "huey_class": "huey.PriorityRedisHuey"
    if ELIOT_REDIS_URL
    else "farm_app.alarm.WakefulSqliteHuey",
    "name": "eliot",
    "results": False,
    "immediate": False,
    "utc": True,
    "connection": {"url": ELIOT_REDIS_URL}
    if ELIOT_REDIS_URL
    else {"filename": str(ELIOT_DATA / "huey.sqlite3")},
    "consumer": {
        "workers": ELIOT_WORKERS,
        "worker_type": "thread",
        "initial_delay": 0.05,
        "backoff": 1.2,
        "max_delay": 1.0,
        "periodic": False,
        "check_worker_health": True,
    },
}
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [ELIOT_REDIS_URL]},
        }
        if ELIOT_REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 2000}}
    )
}
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ELIOT_REDIS_URL}
        if ELIOT_REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 2000},
        }
    )
}

STATIC_URL = "static/"
STATIC_ROOT = ELIOT_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "eliot.http.HashedStaticFiles"},
}
WHITENOISE_MAX_AGE = 600

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.time_zone("ELIOT_TIME_ZONE")
USE_TZ = True
USE_I18N = True
LOGIN_URL = "/admin/login/"

# Cookies ignore ports: two Eliots on one host must not share a name.
SESSION_COOKIE_NAME = f"eliot-session-{INSTALL_ID}"
CSRF_COOKIE_NAME = f"eliot-csrf-{INSTALL_ID}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _tls
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = _tls
SECURE_HSTS_SECONDS = 31_536_000 if _tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _tls else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A megabyte of prompt, percent-encoded, still gets its message at the field.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "httpx": {"level": "WARNING"},  # at INFO it logs whole addresses
        "huey": {"level": "WARNING"},
        **{
            name: {"level": ELIOT_LOG_LEVEL}
            for name in ("eliot", "farm_app", "gallery_app", "sessions_app")
        },
    },
}
