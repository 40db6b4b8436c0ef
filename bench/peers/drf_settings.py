"""The settings of Django for ``drf_shop``: nothing runs that a catalog needs not.

The database is SQLite: it runs in the server's process, from memory, and waits for no disk.
"""

import os

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "drf_shop"
MIDDLEWARE = [
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",  # Its Content-Length spares chunks.
]
INSTALLED_APPS = ["rest_framework", "django_filters"]
USE_TZ = True
CACHES = {
    "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["REDIS_URL"]}
}
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "mmap_size=1073741824")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SQLITE"],
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "".join(f"PRAGMA {each};" for each in PRAGMAS),
        },
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "SEARCH_PARAM": "q",
}
