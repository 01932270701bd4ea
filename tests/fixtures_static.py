"""The static files, collected once for a run: pages name them by their hashed names."""

import pytest
from django.core.management import call_command


@pytest.fixture(scope="session", autouse=True)
def collected_static_files(django_test_environment: None) -> None:
    call_command("collectstatic", interactive=False, verbosity=0)
