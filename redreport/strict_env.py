"""Reading the environment without guessing."""

import builtins
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

ON = ("1", "true", "on", "yes")
OFF = ("0", "false", "off", "no", "")


class StrictEnv(environ.Env):
    """An environment in which a word that is neither on nor off stops the start: it must not pass for one of them."""

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.bool:
        """Whether the switch is on, in any of the usual words. Refuses with ImproperlyConfigured what is none of them."""
        given = str(self.get_value(var, cast=str, default=default)).strip().lower()
        if given not in (*ON, *OFF):
            raise ImproperlyConfigured(f"{var} is neither on nor off: write 1 or 0")
        return given in ON
