"""Requests checked against the SDK's own typed parameters, as strictly as Stripe checks them, at every depth."""

import difflib
import re
import sys
import types
import typing
from decimal import Decimal
from functools import cache
from typing import Any

import stripe.params
from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

from .errors import ApiError, invalid
from .form import Form

INTEGER = re.compile(r"^-?\d+$")
NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
METADATA_KEYS, METADATA_NAME_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def params_class(name: str) -> Any:
    """The SDK's class of that name below `stripe.params`, e.g. `checkout.SessionCreateParams`."""
    found: Any = stripe.params
    for part in name.split("."):
        found = getattr(found, part)
    return found


def checked(form: Form, name: str) -> Form:
    """The form converted to the types the SDK declares; anything unknown, missing or of the wrong kind is refused."""
    return _check_object(form, params_class(name), "")


@cache
def _fields(cls: Any) -> dict[str, Any]:
    """The resolved annotation of each parameter, without the options that the SDK mixes in (api_key and the like)."""
    own = {key: hint for key, hint in cls.__annotations__.items() if key not in RequestOptions.__annotations__}
    holder = type("Holder", (), {"__annotations__": own})
    return typing.get_type_hints(holder, globalns=vars(sys.modules[cls.__module__]))


@cache
def _members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union, flat; a type that is no union is its own only alternative."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(annotation) for member in _members(part))
    return (annotation,)


@cache
def _literals(annotation: Any) -> tuple[str, ...]:
    return tuple(
        value
        for member in _members(annotation)
        if typing.get_origin(member) is typing.Literal
        for value in typing.get_args(member)
    )


def _inside(prefix: str, key: str) -> str:
    return f"{prefix}[{key}]" if prefix else key


def _check_object(value: Form, cls: Any, prefix: str) -> Form:
    fields = _fields(cls)
    unknown = [key for key in value if key not in fields]
    if unknown:
        raise _unknown([_inside(prefix, key) for key in unknown], difflib.get_close_matches(unknown[0], fields, 1))
    result = {key: convert(item, fields[key], _inside(prefix, key)) for key, item in value.items()}
    for key in fields:
        if key in cls.__required_keys__ and key not in result:
            name = _inside(prefix, key)
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return result


def _unknown(names: list[str], similar: list[str]) -> ApiError:
    hint = f". Did you mean {similar[0]}?" if similar else ""
    plural = "s" if len(names) > 1 else ""
    return invalid(f"Received unknown parameter{plural}: {', '.join(names)}{hint}", names[0], "parameter_unknown")


def convert(value: Any, annotation: Any, name: str) -> Any:
    """One value as its declared type, or a refusal that names the parameter."""
    if value == "":
        return _convert_empty(annotation, name)
    if isinstance(value, dict):
        return _convert_nested(value, annotation, name)
    return _convert_scalar(value, annotation, name)


def _convert_empty(annotation: Any, name: str) -> str:
    if "" in _literals(annotation):
        return ""
    raise invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        name,
        "parameter_invalid_empty",
    )


def _convert_nested(value: Form, annotation: Any, name: str) -> Any:
    for member in _members(annotation):
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if is_typeddict(member):
            return _check_object(value, member, name)
        if origin is list:
            return _convert_list(value, arguments[0], name)
        if origin is dict:
            result = {key: _convert_map_value(item, arguments[1], _inside(name, key)) for key, item in value.items()}
            if name.endswith("metadata") or name.endswith("[metadata]"):
                _check_metadata(result, name)
            return result
    raise invalid(f"Invalid value for {name}: a hash or an array was not expected.", name)


def _convert_map_value(value: Any, annotation: Any, name: str) -> Any:
    # An empty value in a map unsets that key; it is the resource that acts on it.
    return "" if value == "" and annotation is str else convert(value, annotation, name)


def _convert_list(value: Form, annotation: Any, name: str) -> list[Any]:
    if not all(INTEGER.match(key) for key in value):
        raise invalid("Invalid array", name)
    ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
    return [convert(item, annotation, f"{name}[{index}]") for index, item in ordered]


def _convert_scalar(value: str, annotation: Any, name: str) -> Any:
    members, literals = _members(annotation), [text for text in _literals(annotation) if text]
    if value in literals:
        return value
    if int in members and INTEGER.match(value):
        return int(value)
    if bool in members and value in ("true", "false"):
        return value == "true"
    if float in members and NUMBER.match(value):
        return float(value)
    if Decimal in members and NUMBER.match(value):
        return value
    if str in members and not literals:
        return value
    if literals:
        raise invalid(f"Invalid {name}: must be one of {_in_words(literals)}", name)
    if int in members:
        raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    if bool in members:
        raise invalid(f"Invalid boolean: {value}", name)
    if float in members or Decimal in members:
        raise invalid(f"Invalid decimal: {value}", name)
    raise invalid("Invalid array" if any(typing.get_origin(member) is list for member in members) else "Invalid object", name)


def _in_words(literals: list[str]) -> str:
    if len(literals) == 1:
        return literals[0]
    if len(literals) > 20:
        return f"{', '.join(literals[:5])}, and {len(literals) - 5} others"
    return f"{', '.join(literals[:-1])}, or {literals[-1]}"


def _check_metadata(metadata: Form, name: str) -> None:
    if len(metadata) > METADATA_KEYS:
        raise invalid(f"Metadata can have at most {METADATA_KEYS} keys.", name)
    for key, value in metadata.items():
        if len(key) > METADATA_NAME_LENGTH:
            raise invalid(f"Metadata keys can have up to {METADATA_NAME_LENGTH} characters.", _inside(name, key))
        if len(value) > METADATA_VALUE_LENGTH:
            raise invalid(f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters.", _inside(name, key))
