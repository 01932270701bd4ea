"""Objects held against the SDK's annotated classes, which describe the pinned API version exactly."""

import ast
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import stripe

# Always there by the SDK's word, though Stripe sends it on request only or not at all.
PROMISED_BUT_ABSENT = {"charge": {"source"}}


@cache
def _names(module: types.ModuleType) -> "_Names":
    return _Names(module)


class _Names(dict[str, Any]):
    """Names that one of the SDK's modules imports for type checkers only."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__()
        self._sources = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def __missing__(self, name: str) -> Any:
        module, original = self._sources[name]
        return getattr(importlib.import_module(module), original)


@cache
def annotations_of(cls: type) -> dict[str, Any]:
    """What the SDK says of each field of an object, resolved."""
    module = sys.modules[cls.__module__]
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("stripe.") and base is not stripe.StripeObject:
            own = {key: hint for key, hint in inspect.get_annotations(base).items() if not key.startswith("_")}
            holder = type("Holder", (), {"__annotations__": own})
            found |= typing.get_type_hints(holder, vars(module), _names(module))
    return {key: hint for key, hint in found.items() if typing.get_origin(hint) is not typing.ClassVar}


@cache
def members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(annotation) for member in members(part))
    return (annotation,)


@cache
def literals(annotation: Any) -> frozenset[Any]:
    """The values that an annotation lists, if it does."""
    listed = [member for member in members(annotation) if typing.get_origin(member) is typing.Literal]
    return frozenset(value for member in listed for value in typing.get_args(member))


def differences(value: Any, annotation: Any, path: str) -> Iterator[str]:
    """Where a JSON value is not what the annotation says."""
    alternatives = members(annotation)
    if value is None:
        if type(None) not in alternatives and not path.endswith(".source"):
            yield f"{path}: null, but {annotation} was promised"
    elif isinstance(value, dict):
        yield from _object_differences(value, alternatives, path)
    elif isinstance(value, list):
        inner = [typing.get_args(member)[0] for member in alternatives if typing.get_origin(member) is list]
        if not inner:
            yield f"{path}: a list was not expected"
        for index, item in enumerate(value):
            yield from differences(item, inner[0], f"{path}[{index}]") if inner else ()
    elif not _scalar_fits(value, annotation):
        yield f"{path}: {value!r} is no {annotation}"


def _scalar_fits(value: Any, annotation: Any) -> bool:
    alternatives, listed = members(annotation), literals(annotation)
    if value in listed:
        return True
    if isinstance(value, bool):
        return bool in alternatives
    if isinstance(value, int):
        return int in alternatives or float in alternatives
    if isinstance(value, Decimal):
        return Decimal in alternatives
    if isinstance(value, str):
        # A listed set of values is complete for the pinned version, even where newer ones may come.
        return Decimal in alternatives or (str in alternatives and not listed)
    return isinstance(value, float) and float in alternatives


def _object_differences(value: dict[str, Any], alternatives: tuple[Any, ...], path: str) -> Iterator[str]:
    for member in alternatives:
        if typing.get_origin(member) is stripe.ListObject:
            for index, item in enumerate(value["data"]):
                yield from differences(item, typing.get_args(member)[0], f"{path}.data[{index}]")
            return
        if member is stripe.StripeObject or typing.get_origin(member) or not inspect.isclass(member):
            if "UntypedStripeObject" in str(member):
                return
            continue
        if issubclass(member, stripe.StripeObject) and _is_kind(value, member):
            yield from class_differences(value, member, path)
            return
    yield f"{path}: an object was not expected"


def _is_kind(value: dict[str, Any], cls: type) -> bool:
    name = getattr(cls, "OBJECT_NAME", None)
    return name is None or name == value.get("object")


def _may_lack(value: dict[str, Any]) -> set[str]:
    # An upcoming invoice is announced before it exists, and so without an id.
    upcoming = value.get("billing_reason") == "upcoming"
    return {"id"} if upcoming else PROMISED_BUT_ABSENT.get(value.get("object", ""), set())


def class_differences(value: dict[str, Any], cls: type, path: str) -> Iterator[str]:
    """Keys the class does not know, keys it promises that are missing, and values of the wrong type."""
    annotations = annotations_of(cls)
    if value.get("deleted"):
        return
    for key, item in value.items():
        if key in annotations:
            yield from differences(item, annotations[key], f"{path}.{key}")
        else:
            yield f"{path}.{key}: unknown to {cls.__qualname__}"
    for key, annotation in annotations.items():
        optional = type(None) in members(annotation)
        if key not in value and not optional and key not in _may_lack(value):
            yield f"{path}.{key}: promised by {cls.__qualname__}, but missing"


def class_of(obj: dict[str, Any]) -> type:
    """The SDK's class of an object, by its `object`."""
    from stripe._object_classes import get_object_class

    return get_object_class("V1", obj["object"])
