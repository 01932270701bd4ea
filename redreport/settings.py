"""One file of settings; every value that differs between machines comes from the environment, and a missing one fails loudly."""

from pathlib import Path
from urllib.parse import urlsplit

from redreport import policy
from redreport.logs import logging_settings
from redreport.strict_env import StrictEnv

BASE_DIR = Path(__file__).resolve().parent.parent
env = StrictEnv()

DEBUG = env.bool("DJANGO_DEBUG", default=False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("DJANGO_SECRET_KEY_FALLBACKS", default=[])

SITE_NAME = "Red Report Live"
# Where readers reach us: links in mails, Stripe's return addresses and the allowed host follow from it.
SITE_URL = env.str("SITE_URL").rstrip("/")
_site = urlsplit(SITE_URL)
HTTPS = _site.scheme == "https"
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=[_site.hostname])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "redreport.accounts",
    "redreport.audit",
    "redreport.limits",
    "redreport.outbox",
    "redreport.enquiries",
    "sessions_live",
    "subscriptions",
    "redreport.pages",
    "redreport.desk.apps.DeskConfig",
    "redreport.local",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "anymail",
    "import_export",
    "redreport.desk.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "csp",
]

MIDDLEWARE = [
    "redreport.pages.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "redreport.pages.middleware.CompressionMiddleware",
    "redreport.pages.middleware.RequestLogMiddleware",
    "csp.middleware.CSPMiddleware",
    "redreport.pages.middleware.BoundsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "redreport.pages.middleware.PrivatePagesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "redreport.accounts.sign_ins.SignInsMiddleware",
    "redreport.pages.middleware.UploadsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "redreport.urls"
WSGI_APPLICATION = "redreport.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "redreport.pages.context.site",
            ],
        },
    }
]

# Database. Operations own their transactions; a wait for a lock or a statement that hangs ends by itself.
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
    "-c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by all processes, and nothing in it may be needed: it is culled. Limits are counted in a table of their own.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# Accounts: a mailed code proves the address and signs in; a password is optional and can be set later.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "pages:account"
ACCOUNT_ADAPTER = "redreport.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_SIGNUP_FORM_CLASS = "redreport.accounts.name_form.NameForm"
ACCOUNT_FORMS = {
    "signup": "redreport.accounts.forms.SignUpForm",
    "login": "redreport.accounts.forms.SignInForm",
    "add_email": "redreport.accounts.forms.ChangeEmailForm",
    "change_password": "redreport.accounts.forms.NewPasswordForm",
    "reset_password": "redreport.accounts.forms.ForgottenPasswordForm",
    "reset_password_from_key": "redreport.accounts.forms.ReplacedPasswordForm",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
ACCOUNT_SESSION_REMEMBER = True
# Six digits, ten minutes, three attempts.
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# Known and unknown addresses are answered alike: an unknown one is mailed the way to sign up instead of a code.
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
# Counted by redreport.limits instead: allauth counts in the cache, which forgets what it has no room for.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
# A second factor: an authenticator app or a passkey, for readers who want one, and for staff before the admin opens to them.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=True)
MFA_ADAPTER = "redreport.accounts.mfa_adapter.MfaAdapter"
MFA_FORMS = {
    "authenticate": "redreport.accounts.mfa_forms.CodeForm",
    "reauthenticate": "redreport.accounts.mfa_forms.CodeAgainForm",
    "activate_totp": "redreport.accounts.mfa_forms.SetUpAppForm",
    "add_webauthn": "redreport.accounts.mfa_forms.AddPasskeyForm",
    "edit_webauthn": "redreport.accounts.mfa_forms.RenamePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey is the device and a finger, a face or a PIN: whoever has only found the device cannot use it.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = SITE_NAME
# A telephone's clock may be half a minute off: the code before and the one after count too, each once.
MFA_TOTP_TOLERANCE = 1
# A browser takes passkeys on https and, for the local stack, on this machine alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# How many proxies of ours stand before the web server; only their entries in X-Forwarded-For are believed.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# Time and language. The database holds UTC; staff enter and read times in the zone of the house.
TIME_ZONE = str(policy.HOUSE_ZONE)
USE_TZ = True
LANGUAGE_CODE = "en-us"
USE_I18N = False

# Files that staff upload for attendees. They lie where no address leads: in a folder that every web process sees, or in a bucket.
MATERIALS_DIR = Path(env.str("MATERIALS_DIR", default=str(BASE_DIR / ".run" / "materials")))
MATERIALS_BUCKET = env.str("MATERIALS_BUCKET", default="")
if MATERIALS_BUCKET:
    MATERIALS_STORAGE = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": MATERIALS_BUCKET,
            "endpoint_url": env.str("MATERIALS_ENDPOINT", default="") or None,
            "region_name": env.str("MATERIALS_REGION", default="") or None,
            # Without a key, as the machine's own role allows.
            "access_key": env.str("MATERIALS_ACCESS_KEY", default="") or None,
            "secret_key": env.str("MATERIALS_SECRET_KEY", default="") or None,
            "signature_version": "s3v4",
            "file_overwrite": False,
            "querystring_expire": int(policy.MATERIAL_LINK_LIFETIME.total_seconds()),
        },
    }
else:
    MATERIALS_STORAGE = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MATERIALS_DIR, "file_permissions_mode": 0o640},
    }

# Static files: hashed and compressed, served by the web process.
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "redreport" / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / ".run" / "static")))
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "materials": MATERIALS_STORAGE,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Mail
vars().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", default="Red Report Live <live@redreport.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MAIL_REPLY_TO = env.str("MAIL_REPLY_TO", default="desk@redreport.example")
# Where the sender is found: the law wants it in every optional mail, so none is sent without it.
POSTAL_ADDRESS = env.str("POSTAL_ADDRESS", default="")
# The shared secret (name:password) of the addresses at which the mail provider tells of bounces; without one they are closed.
# Some providers sign what they tell as well, with a key of theirs, and are not believed without it.
_signing_key = env.str("BOUNCE_SIGNING_KEY", default="")
ANYMAIL = {
    "WEBHOOK_SECRET": env.str("BOUNCE_WEBHOOK_SECRET", default=""),
    **(dict.fromkeys(("MAILGUN_WEBHOOK_SIGNING_KEY", "MAILERSEND_SIGNING_SECRET"), _signing_key) if _signing_key else {}),
}
# Set by the local stack only: the folder into which its mail catcher writes, shown at /dev/mail/. Never on a site with https.
LOCAL_MAIL_DIR = "" if HTTPS else env.str("LOCAL_MAIL_DIR", default="")

# Celery. A task names rows, never holds facts; sweeps in the database are the safety net, so the broker may lose anything.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
# Three queues, so that a Stripe which is silent keeps no mail waiting. A worker that is told no queues (-Q) takes from all.
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {"celery": {}, "mail": {}, "stripe": {}}
# An erasure asks Stripe too.
CELERY_TASK_ROUTES = {
    "redreport.outbox.*": {"queue": "mail"},
    "subscriptions.*": {"queue": "stripe"},
    "redreport.accounts.*": {"queue": "stripe"},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
if CELERY_BROKER_URL.startswith(("redis", "rediss", "unix")):
    # Longer than the longest task may run; the restore interval brings back a killed worker's tasks soon after.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 180,
        "unacked_restore_interval": 10,
        "socket_connect_timeout": 2,
    }

# Who holds the meetings: a class behind sessions_live.meetings, by its dotted path.
MEETING_PROVIDER = env.str("MEETING_PROVIDER", default="sessions_live.meetings.plain_address.PlainAddress")

# Logs: JSON lines on stdout from every process.
LOGGING = logging_settings(env.str("LOG_LEVEL", default="INFO"))

# Stripe
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
# Several while a secret is being rotated: each is accepted.
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
STRIPE_LIVEMODE = "_live_" in STRIPE_SECRET_KEY[:9]
STRIPE_CHECKOUT_ORIGINS = env.list(
    "STRIPE_CHECKOUT_ORIGINS", default=["https://checkout.stripe.com", "https://billing.stripe.com"]
)
STRIPE_TAX_BEHAVIOR = env.str("STRIPE_TAX_BEHAVIOR", default="exclusive")
STRIPE_PROMOTION_CODES = env.bool("STRIPE_PROMOTION_CODES", default=True)
STRIPE_AUTOMATIC_TAX = env.bool("STRIPE_AUTOMATIC_TAX", default=False)
# Bank debits and the like for single seats: the money comes days after the promise, or never.
STRIPE_DELAYED_PAYMENTS = env.bool("STRIPE_DELAYED_PAYMENTS", default=False)
STRIPE_TAX_ID_COLLECTION = env.bool("STRIPE_TAX_ID_COLLECTION", default=False)

# Who may read /metrics; empty: nobody.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Security
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=HTTPS) else None
X_FRAME_OPTIONS = "DENY"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
CSRF_FAILURE_VIEW = "redreport.pages.errors.csrf_failure"
# Staff may tick 500 seats at once; no form has more.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 600
# In bytes; redreport.pages.middleware refuses a longer body before any of it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "form-action": ["'self'", *STRIPE_CHECKOUT_ORIGINS],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }
}
