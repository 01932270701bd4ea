"""The static files, collected once for a run: pages name them by their hashed names."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.test import override_settings
from whitenoise.base import WhiteNoise

# Compressing takes six seconds, and no test reads the compressed twins.
EVERYTHING = ("", "css", "html", "js", "json", "map", "md", "svg", "txt", "woff2")


@pytest.fixture(scope="session", autouse=True)
def collected_static_files(django_test_environment: None) -> None:
    with override_settings(WHITENOISE_SKIP_COMPRESS_EXTENSIONS=EVERYTHING):
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def static_files_listed_once(collected_static_files: None) -> Iterator[None]:
    """Every new client of Django's loads the middleware, which looks at each collected file: they do not change during a run."""
    look, seen = WhiteNoise.update_files_dictionary, dict[tuple[str, str], dict[str, object]]()

    def look_once(self: WhiteNoise, root: str, prefix: str) -> None:
        if (root, prefix) not in seen:
            before = dict(self.files)
            look(self, root, prefix)
            seen[root, prefix] = {url: file for url, file in self.files.items() if before.get(url) is not file}
        self.files.update(seen[root, prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoise, "update_files_dictionary", look_once)
        yield
