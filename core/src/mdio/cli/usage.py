"""A usage error of the command line library in our words: what is wrong, and what to write instead."""

from __future__ import annotations

from typing import Any

__all__ = ["usage_facts"]


def usage_facts(error: Any) -> tuple[str, str, int]:
    """Return message, hint and exit code of a usage error, whose classes are the library's own.

    A message that begins with ``Usage:`` is the help of a group that was called without a command.
    """
    message = str(error.format_message())
    code = int(getattr(error, "exit_code", 2))
    if message.startswith("Usage:"):
        return message, "", code
    possible = getattr(error, "possibilities", None)
    message, _, guess = " ".join(message.split()).partition(" Did you mean ")
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mdio"
    if _takes_many(context) and message.startswith("Missing argument"):
        # Which one is missing cannot be told: the last file that is given counts as the last argument.
        usage = " ".join([path, *context.command.collect_usage_pieces(context)]).replace("{", "").replace("}", "")
        return "an argument is missing", f"{usage}; see {path} --help", code
    if possible:
        hint = f"did you mean {' or '.join(possible)}?"
        message = message.partition(" (Possible options")[0]
    elif guess:
        hint = f"did you mean {guess}"
    else:
        hint = f"see {path} --help"
    return message.rstrip("."), hint, code


def _takes_many(context: Any) -> bool:
    """Whether a command has an argument of any length in front of another one."""
    command = getattr(context, "command", None)
    arguments = [part for part in getattr(command, "params", ()) if part.param_type_name == "argument"]
    return len(arguments) > 1 and any(part.nargs == -1 for part in arguments)
