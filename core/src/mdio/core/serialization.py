"""Plain data as JSON or YAML text, chosen by name: the serializers of MDIO v0 (documentation, "Data I/O")."""

from __future__ import annotations

import difflib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mdio.exceptions import ConfigError, FormatError, MissingKeysError

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["Serializer", "get_deserializer", "get_serializer"]


class Serializer(ABC):
    """Turns one kind of object into text and back.

    Parameters
    ----------
    stream_format
        ``"JSON"`` or ``"YAML"``; case does not matter.

    Raises
    ------
    ConfigError
        Another format (a ValueError); the hint suggests the near one.
    """

    def __init__(self, stream_format: str) -> None:
        self.stream_format = _format(stream_format)
        self.serialize_func = get_serializer(stream_format)
        self.deserialize_func = get_deserializer(stream_format)

    @abstractmethod
    def serialize(self, payload: dict[str, Any]) -> str:
        """Return the text of a mapping of plain data."""
        return self.serialize_func(payload)

    @abstractmethod
    def deserialize(self, stream: str) -> dict[str, Any]:
        """Return the mapping of plain data that a text holds.

        Raises
        ------
        FormatError
            The text is not of the format, or holds something else than a mapping.
        """
        payload = self.deserialize_func(stream)
        if not isinstance(payload, dict):
            raise FormatError(f"the {self.stream_format} text holds a {type(payload).__name__}, expected a mapping")
        return payload

    @staticmethod
    def validate_payload(payload: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
        """Return the part of a mapping that the arguments of a function can be taken from.

        Parameters
        ----------
        payload
            The mapping.
        signature
            Of the function, without ``self``; parameters with a default may be missing.

        Raises
        ------
        MissingKeysError
            The mapping lacks parameters (a KeyError); the message names them.
        """
        named = {
            name: parameter
            for name, parameter in signature.parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }
        missing = [
            name for name, parameter in named.items() if parameter.default is parameter.empty and name not in payload
        ]
        if missing:
            known = ", ".join(map(str, payload)) or "nothing"
            raise MissingKeysError(f"missing: {', '.join(missing)}; there is {known}", missing=tuple(missing))
        return {name: payload[name] for name in named if name in payload}


def get_serializer(stream_format: str) -> Callable[..., str]:
    """Return the function that turns plain data into JSON or YAML text."""
    return {"JSON": _to_json, "YAML": _to_yaml}[_format(stream_format)]


def get_deserializer(stream_format: str) -> Callable[[str], Any]:
    """Return the function that turns JSON or YAML text into plain data; it raises FormatError for any other text."""
    return {"JSON": _from_json, "YAML": _from_yaml}[_format(stream_format)]


def _format(name: str) -> str:
    known = ("JSON", "YAML")
    wanted = str(name).upper()
    if wanted in known:
        return wanted
    near = difflib.get_close_matches(wanted, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose {' or '.join(known)}"
    raise ConfigError(f"no stream format {name!r}", hint=hint)


def _to_json(payload: Any) -> str:
    return json.dumps(payload)


def _to_yaml(payload: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(payload, sort_keys=False)
    return text


def _from_json(stream: str) -> Any:
    try:
        return json.loads(stream)
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from None
    except RecursionError:
        raise FormatError("not read as JSON: nested too deeply") from None


def _from_yaml(stream: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(stream)
    except yaml.YAMLError as error:
        raise FormatError(f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise FormatError("not read as YAML: nested too deeply") from None
