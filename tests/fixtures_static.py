"""The static files, collected once for a run: pages name them by their hashed names."""

import pytest
from django.core.management import call_command
from django.test import override_settings

# Compressing takes six seconds, and no test reads the compressed twins.
EVERYTHING = ("", "css", "html", "js", "json", "map", "md", "svg", "txt", "woff2")


@pytest.fixture(scope="session", autouse=True)
def collected_static_files(django_test_environment: None) -> None:
    with override_settings(WHITENOISE_SKIP_COMPRESS_EXTENSIONS=EVERYTHING):
        call_command("collectstatic", interactive=False, verbosity=0)
