"""Every error the toolkit raises, as one tree.

::

    MDIOError
    ├ ConfigError (ValueError)           a run file or option: path in the file, what was expected
    ├ PluginError
    │ ├ PluginNotInstalledError (ImportError)
    │ ├ IncompatiblePluginError
    │ ├ PluginLoadError
    │ ├ PluginConflictError
    │ ├ NoReaderError (ValueError)
    │ └ NoWriterError (ValueError)
    ├ StorageError (OSError)
    │ ├ MDIONotFoundError (FileNotFoundError)
    │ ├ MDIOAlreadyExistsError (FileExistsError)
    │ ├ WriterLockedError
    │ └ IntegrityError
    ├ IncompleteDatasetError             an unfinished target; names --resume
    ├ FormatError (ValueError)           url, byte offset, trace number; plugins subclass it
    │ ├ InvalidMDIOError
    │ └ MissingKeysError (KeyError)      serialised text without keys it must have
    ├ GridError (ValueError)
    │ ├ GridTraceCountError
    │ ├ GridTraceSparsityError
    │ └ GridOverrideInputError
    │   ├ GridOverrideUnknownError
    │   ├ GridOverrideKeysError
    │   ├ GridOverrideMissingParameterError
    │   └ GridOverrideIncompatibleError
    ├ ShapeError (ValueError)
    ├ WrongTypeError (TypeError)
    ├ CodecError (ValueError)
    │ └ UnstorableSampleError            position and value of the sample
    ├ EnvironmentFormatError (ValueError)
    └ RunError
      ├ SlabError                        region and cause
      ├ JournalMismatchError             a resume that does not fit what was begun
      └ CancelledError                   stopped by the user; resumable

A message says what happened, where, and what to do next; the last part is kept apart in ``hint`` so that
callers can lay it out. The class decides the exit code of the command line (``exit_code``): 1 failed, 2 usage
or run file, 3 plugin, 4 input damaged, incomplete or different, 5 storage, 130 cancelled.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CancelledError",
    "CodecError",
    "ConfigError",
    "EnvironmentFormatError",
    "FormatError",
    "GridError",
    "GridOverrideIncompatibleError",
    "GridOverrideInputError",
    "GridOverrideKeysError",
    "GridOverrideMissingParameterError",
    "GridOverrideUnknownError",
    "GridTraceCountError",
    "GridTraceSparsityError",
    "IncompatiblePluginError",
    "IncompleteDatasetError",
    "IntegrityError",
    "InvalidMDIOError",
    "JournalMismatchError",
    "MDIOAlreadyExistsError",
    "MDIOError",
    "MDIONotFoundError",
    "MissingKeysError",
    "NoReaderError",
    "NoWriterError",
    "PluginConflictError",
    "PluginError",
    "PluginLoadError",
    "PluginNotInstalledError",
    "RunError",
    "ShapeError",
    "SlabError",
    "StorageError",
    "UnstorableSampleError",
    "WriterLockedError",
    "WrongTypeError",
]


class MDIOError(Exception):
    """Base of every error raised on purpose by the toolkit.

    Parameters
    ----------
    message
        What happened and where, in one line.
    hint
        What to do next, in one line; may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries (workers); subclasses take other arguments than ``args`` holds.
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(cls: type[MDIOError], state: dict[str, object], args: tuple[object, ...]) -> MDIOError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(MDIOError, ValueError):
    """A run file or an option is wrong; ``path`` is the dotted place, ``line`` the line of the file (1-based)."""

    exit_code = 2

    def __init__(self, message: str, *, path: str = "", line: int | None = None, hint: str = "") -> None:
        where = path + (f" (line {line})" if line is not None else "")
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.path = path
        self.line = line


class PluginError(MDIOError):
    """Something about a plugin."""

    exit_code = 3


class PluginNotInstalledError(PluginError, ImportError):
    """A name that a plugin ships was used without that plugin."""


class IncompatiblePluginError(PluginError):
    """A plugin written for another major version of the plugin API."""


class PluginLoadError(PluginError):
    """A plugin's module or target could not be imported, or contributed something of the wrong type."""


class PluginConflictError(PluginError):
    """Two plugins contribute the same name and nothing says which one is meant."""


class NoReaderError(PluginError, ValueError):
    """No installed reader recognises the input."""


class NoWriterError(PluginError, ValueError):
    """No installed writer fits the output."""


class StorageError(MDIOError, OSError):
    """Reading or writing a store failed; the message names the object."""

    exit_code = 5


class MDIONotFoundError(StorageError, FileNotFoundError):
    """There is nothing at the given URL."""


class MDIOAlreadyExistsError(StorageError, FileExistsError):
    """The target exists and overwriting was not asked for."""


class WriterLockedError(StorageError):
    """Another process is writing the same target."""


class IntegrityError(StorageError):
    """A stored object does not match the check it carries."""

    exit_code = 4


class IncompleteDatasetError(MDIOError):
    """The dataset was never finished; ``--resume`` finishes it."""

    exit_code = 4


class FormatError(MDIOError, ValueError):
    """The input is not what its format demands.

    Parameters
    ----------
    message
        What is wrong.
    url
        Where; secrets are removed by the caller.
    byte
        Offset in the file in bytes, 0-based.
    trace
        Trace number in the file, 0-based.
    hint
        What to do next.
    """

    exit_code = 4

    def __init__(
        self, message: str, *, url: str = "", byte: int | None = None, trace: int | None = None, hint: str = ""
    ) -> None:
        where = ", ".join(
            part
            for part in (
                url,
                f"byte {byte}" if byte is not None else "",
                f"trace {trace}" if trace is not None else "",
            )
            if part
        )
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.url = url
        self.byte = byte
        self.trace = trace


class InvalidMDIOError(FormatError):
    """A store that is neither of the MDIO layouts, or lacks what its layout demands."""


class MissingKeysError(FormatError, KeyError):
    """Serialised text lacks keys; ``missing`` names them."""

    def __init__(self, message: str, *, missing: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.missing = missing


class GridError(MDIOError, ValueError):
    """Traces do not fit the grid that was asked for."""

    exit_code = 4


class GridTraceCountError(GridError):
    """Two traces fall into one cell of the grid."""


class GridTraceSparsityError(GridError):
    """The grid has far more cells than there are traces."""


class GridOverrideInputError(GridError):
    """A grid override was given wrongly."""

    exit_code = 2


class GridOverrideUnknownError(GridOverrideInputError):
    """No installed plugin knows this override."""


class GridOverrideKeysError(GridOverrideInputError):
    """The override needs index keys that are not there."""


class GridOverrideMissingParameterError(GridOverrideInputError):
    """The override needs a parameter that is not there."""


class GridOverrideIncompatibleError(GridOverrideInputError):
    """Two overrides exclude each other."""


class ShapeError(MDIOError, ValueError):
    """Shapes do not agree."""

    exit_code = 2


class WrongTypeError(MDIOError, TypeError):
    """An argument has the wrong type."""

    exit_code = 2


class CodecError(MDIOError, ValueError):
    """Encoding or decoding a chunk failed."""

    exit_code = 4


class UnstorableSampleError(CodecError):
    """A sample that a lossy codec cannot hold to its promise.

    Parameters
    ----------
    message
        What is wrong.
    position
        Of the sample in the chunk handed to the codec: flat, C order, 0-based.
    value
        The sample; may be NaN or infinite.
    hint
        What to do next.
    """

    def __init__(self, message: str, *, position: int, value: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.position = position
        self.value = value


class EnvironmentFormatError(MDIOError, ValueError):
    """An environment variable holds something that cannot be understood."""

    exit_code = 2


class RunError(MDIOError):
    """A run did not end well."""


class SlabError(RunError):
    """One slab of a run failed.

    Parameters
    ----------
    message
        What happened.
    region
        ``(start, stop)`` per dimension of the slab, in grid positions.
    cause
        The error underneath; its exit code is this error's.
    """

    def __init__(self, message: str, *, region: tuple[tuple[int, int], ...], cause: BaseException) -> None:
        super().__init__(message, hint=cause.hint if isinstance(cause, MDIOError) else "")
        self.region = region
        self.cause = cause
        if isinstance(cause, MDIOError):
            self.exit_code = cause.exit_code  # type: ignore[misc]
        elif isinstance(cause, OSError):
            self.exit_code = StorageError.exit_code  # type: ignore[misc]


class JournalMismatchError(RunError):
    """The unfinished target was begun from another source or with other options."""

    exit_code = 4


class CancelledError(RunError):
    """The run was stopped between slabs; ``--resume`` goes on."""

    exit_code = 130
