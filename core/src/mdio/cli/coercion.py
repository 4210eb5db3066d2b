"""Spares options that need no conversion a validator.

Recent releases of typer (0.29, say) load pydantic and build a validator for every option of a command, given or not:
some 25 ms, where there is text, or nothing, to be taken as it is. What is neither is left to typer.
"""

from __future__ import annotations

from typing import Any

__all__ = ["defer"]


class _Deferred:
    """Takes text and what was not given as it is; anything else is for the parameter's own conversion."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value for the command, as typer's own conversion does."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if not many and isinstance(value, str) and _is_text(param.type_descriptor):
            return value
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _is_text(descriptor: Any) -> bool:
    """Whether a parameter is declared as text, with nobody's conversion."""
    info = descriptor.parameter_info
    return descriptor.annotation is str and info.parser is None and getattr(info, "click_type", None) is None


def defer(command: Any) -> None:
    """Have a command, and those in it, convert only what needs it; nothing happens with other versions of typer."""
    declared = command.get_params

    def get_params(ctx: Any) -> list[Any]:
        params: list[Any] = declared(ctx)  # with the option for help, which is made when it is asked for
        for param in params:
            if getattr(param, "_runtime_param", param) is None:
                param._runtime_param = _Deferred()
        return params

    command.get_params = get_params
    for inner in getattr(command, "commands", {}).values():
        defer(inner)
