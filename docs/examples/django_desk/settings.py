"""Settings of the shop: PostgreSQL where SHOP_POSTGRES names a database, else a SQLite file."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("SHOP_FOLDER", "."))
SECRET_KEY = os.environ.get("SHOP_SECRET", "an example: set your own")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_desk.orders",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
    }
]
LOGIN_REDIRECT_URL = "/orders"
ROOT_URLCONF = "django_desk.urls"
USE_TZ = True
TIME_ZONE = "Europe/Paris"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if "SHOP_POSTGRES" in os.environ:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["SHOP_POSTGRES"],
            "HOST": os.environ.get("SHOP_POSTGRES_HOST", ""),
            "USER": os.environ.get("SHOP_POSTGRES_USER", ""),
            "PASSWORD": os.environ.get("SHOP_POSTGRES_PASSWORD", ""),
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "shop.sqlite",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10},
        }
    }
