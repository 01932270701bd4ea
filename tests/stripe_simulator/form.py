"""Form encoding with nested names, as Stripe's clients send it: `line_items[0][price]=price_1`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid

NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")

Form = dict[str, Any]


def parse_form(text: str) -> Form:
    """Nested dicts of strings. A list is a dict whose keys are its indexes: only the parameter's type tells them apart."""
    form: Form = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = NAME.match(name)
        if not match:
            raise invalid(f"Invalid parameter name: {name}", name)
        place(form, [match[1], *PART.findall(match[2])], value, name)
    return form


def place(form: Form, path: list[str], value: str, name: str) -> None:
    node = form
    for part, following in zip(path, [*path[1:], None], strict=True):
        key = part or str(len(node))
        if following is None:
            if isinstance(node.get(key), dict):
                raise invalid(f"Invalid parameter: {name} is both a value and a hash", name)
            node[key] = value
            return
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid parameter: {name} is both a value and a hash", name)
        node = child
