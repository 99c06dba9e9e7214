"""Hold parsed data against the model and say what does not fit, in the record's own form.

Responsible for turning pydantic's errors into faults. Must not compare fields with each other.
"""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from infra.record.document import Document
from infra.record.fault import Fault, Path, show_path
from infra.record.model import KEY_DESCRIPTION, Record
from infra.record.suggestion import suggest

KEY_MARK = "[key]"
"""pydantic's last step of the location of a key that is wrong itself."""

SHOWN_CHARACTERS_LIMIT = 60

Node = dict[str, Any]
"""A part of a JSON Schema."""

Fitting = TypeVar("Fitting", bound=Record)


def fit(model: type[Fitting], document: Document) -> Fitting | list[Fault]:
    """Make a model of a document.

    Returns:
        The model, or every place where the document does not fit it.
    """
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        return _faults(model, document, error.errors(include_url=False))


def _faults(model: type[Record], document: Document, errors: list[ErrorDetails]) -> list[Fault]:
    wrong = {error["loc"] for error in errors}
    surrounding = {path[:length] for path in wrong for length in range(len(path))}
    return [
        _fault(model, document, error)
        for error in errors
        # A list of which every item is wrong is not empty, though pydantic counts it so.
        if not (error["type"] == "too_short" and error["loc"] in surrounding)
    ]


def _fault(model: type[Record], document: Document, error: ErrorDetails) -> Fault:
    path: Path = error["loc"]
    if path and path[-1] == KEY_MARK:
        path = path[:-1]
        what, remedy = _words(error)
        if error["type"] != "record":
            what, remedy = f"{show_value(path[-1])} is not a name", "Rename it"
        message = _say(what, KEY_DESCRIPTION, remedy)
    elif error["type"] == "extra_forbidden":
        keys = sorted(_node(model, path[:-1])["properties"])
        message = _say(
            "is an unknown key", ", ".join(keys), suggest(str(path[-1]), keys, "Remove it")
        )
    else:
        what, remedy = _words(error)
        message = _say(what, _allowed(model, path), remedy)
    return document.fault(path, message)


def _say(what: str, allowed: str, remedy: str) -> str:
    return f"{what}. Allowed: {allowed}. {remedy if remedy.endswith('?') else remedy + '.'}"


def show_value(value: object) -> str:
    """Show a value as one short line that a terminal shows as it is."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case tuple():
            return "a list"
        case str() if "PRIVATE KEY" in value:
            return "[redacted]"
        case _:
            shown = json.dumps(value, ensure_ascii=False)
            if len(shown) > SHOWN_CHARACTERS_LIMIT:
                shown = shown[: SHOWN_CHARACTERS_LIMIT - 4] + '..."'
            return shown


def _kind(value: object) -> str:
    match value:
        case bool():
            return f"{show_value(value)} is a truth value"
        case int() | float():
            return f"{value} is a number"
        case str():
            return f"{show_value(value)} is text"
        case None:
            return "has no value"
        case _:
            return f"is {show_value(value)}"


def _words(error: ErrorDetails) -> tuple[str, str]:
    """Say what is wrong and what to do."""
    value, context = error["input"], error.get("ctx", {})
    shown = show_value(value)
    match error["type"]:
        case "record":
            what = str(context["what"])
            return (f"{shown} {what}" if context["is_quoted"] else what), str(context["remedy"])
        case "missing":
            return "is missing", "Add it"
        case "int_type" if isinstance(value, float):
            return f"{value} is not a whole number", "Round it"
        case "int_type" if isinstance(value, str) and value.isdecimal():
            return _kind(value), "Remove the quotes and any leading 0"
        case "int_type":
            return _kind(value), "Write a whole number"
        case "is_instance_of":  # an address or prefix that is not even text
            return _kind(value), "Write text"
        case "string_type" if isinstance(value, bool | int | float):
            return _kind(value), "Put it in quotes if it is meant"
        case "string_type":
            return _kind(value), "Write text"
        case "dict_type" | "model_type":
            return _kind(value), "Write a mapping" if value is not None else "Fill or remove it"
        case "tuple_type" if isinstance(value, str):
            return _kind(value), f"Write [{value}]"
        case "tuple_type":
            return _kind(value), "Write a list" if value is not None else "Fill or remove it"
        case "string_too_short":
            return f"{shown} is too short", "Write more"
        case "string_too_long":
            return f"{shown} is too long with its {len(value)} characters", "Shorten it"
        case "string_pattern_mismatch":
            return f"{shown} has another form", "Correct it"
        case "greater_than_equal":
            return f"{value} is too small", f"Choose at least {context['ge']}"
        case "less_than_equal":
            return f"{value} is too large", f"Choose at most {context['le']}"
        case "multiple_of":
            step = int(context["multiple_of"])
            below = value // step * step
            return f"{value} is no multiple of {step}", f"Choose {below} or {below + step}"
        case "literal_error":
            known = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
            return f"{shown} is unknown", suggest(str(value), known, "Choose one of these")
        case "too_short":
            return "is empty", "Add at least one"
        case "too_long":
            surplus = context["actual_length"] - context["max_length"]
            return f"has {context['actual_length']} entries", f"Remove {surplus}"
        case unknown:
            reason = f"no words for pydantic's error {unknown} at {show_path(error['loc'])}"
            raise AssertionError(reason)


def _allowed(model: type[Record], path: Path) -> str:
    node = _node(model, path)
    if "properties" in node:
        return f"a mapping with {', '.join(node['required'])}"
    return str(node["description"])


@cache
def _schema(model: type[Record]) -> Node:
    return model.model_json_schema()


def _node(model: type[Record], path: Path) -> Node:
    """Find the part of the model's JSON Schema that describes a path."""
    schema = _schema(model)
    node = schema
    for step in path:
        if isinstance(step, int):
            node = node["items"]
        elif "properties" in node:
            node = node["properties"][step]
        else:
            (node,) = node["patternProperties"].values()
        if reference := node.get("$ref"):
            node = schema["$defs"][reference.rpartition("/")[2]]
    return node
