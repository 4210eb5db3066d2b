"""What templates, checks, commands and observers must keep: the contributions that carry no samples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mdio.core.findings import Finding
from mdio.core.volume import Creation, Volume
from mdio.flow import events
from mdio.flow.engine import run
from mdio.testing import synthetic

if TYPE_CHECKING:
    from mdio.plugins.contributions import Template

__all__ = ["CheckContract", "CommandContract", "ObserverContract", "TemplateContract"]


class TemplateContract:
    """Subclass it and give the fixture ``template``: a descriptor as the hook yields it."""

    @pytest.fixture
    def template(self) -> Template:
        """Return the template under test."""
        raise NotImplementedError("give a fixture 'template'")

    def test_has_an_axis_of_traces_and_the_samples(self, template: Template) -> None:
        """There are at least two dimensions, with names of their own, and the samples come last."""
        assert len(template.dims) >= 2
        assert len({*template.dims}) == len(template.dims)
        assert template.dims[-1] not in template.keys, "the sample axis has no header word"

    def test_chunks_are_one_length_a_dimension(self, template: Template) -> None:
        """The default chunks fit the dimensions."""
        assert len(template.chunks) == len(template.dims)
        assert min(template.chunks) >= 1

    def test_words_and_units_are_of_its_dimensions(self, template: Template) -> None:
        """Nothing is said about a dimension that is not there."""
        assert not {*template.keys, *template.units} - {*template.dims}

    def test_words_are_bytes_of_a_header(self, template: Template) -> None:
        """A word is ``byte`` or ``byte:type``, and lies within 240 bytes."""
        for name, word in template.keys.items():
            match = re.fullmatch(r"(\d+)(?::(u?int(?:8|16|32|64)|float(?:32|64)|ibm32))?", word)
            assert match, f"{name}: {word!r} is neither 'byte' nor 'byte:type'"
            bits = int(re.sub(r"\D", "", match[2] or "int32"))
            assert 1 <= int(match[1]) <= 241 - bits // 8, f"{name}: {word!r} lies outside the trace header"


class CheckContract:
    """Subclass it and give the fixture ``check``: ``check(volume) -> Iterable[Finding]``.

    The fixture ``volume`` is a sound volume; replace it by one of the formats that the check is for. The fixture
    ``defective`` is one with the defect; give it, so that a check that never finds anything is seen.
    """

    @pytest.fixture
    def check(self) -> Callable[[Volume], Iterable[Finding]]:
        """Return the check under test."""
        raise NotImplementedError("give a fixture 'check'")

    @pytest.fixture
    def volume(self) -> Volume:
        """Return a volume without the defect."""
        return synthetic.volume((5, 7, 11))

    @pytest.fixture
    def defective(self) -> Volume | None:
        """Return a volume with the defect, or None."""
        return None

    def test_says_findings(self, check: Any, volume: Volume) -> None:
        """It yields findings of one line each, and no error in a sound volume."""
        for finding in check(volume):
            assert isinstance(finding, Finding)
            assert finding.message
            assert "\n" not in finding.message
            assert finding.severity != "error", finding.message

    def test_says_the_same_again(self, check: Any, volume: Volume) -> None:
        """It keeps nothing from one volume to the next, and leaves the volume open and as it was."""
        region = volume.schema.region
        before = volume.samples(region).tobytes()
        assert [*check(volume)] == [*check(volume)]
        assert volume.samples(region).tobytes() == before

    def test_finds_the_defect(self, check: Any, defective: Volume | None) -> None:
        """A volume with the defect has a finding."""
        if defective is None:
            pytest.skip("no fixture 'defective'")
        assert [*check(defective)]


class CommandContract:
    """Subclass it and give the fixture ``app``: the ``typer.Typer`` that the descriptor names."""

    @pytest.fixture
    def app(self) -> Any:
        """Return the app under test."""
        raise NotImplementedError("give a fixture 'app'")

    def test_is_a_typer(self, app: Any) -> None:
        """The target is an app, not a function."""
        import typer

        assert isinstance(app, typer.Typer)
        assert app.registered_commands or app.registered_groups, "there is no command in it"

    def test_everything_has_help(self, app: Any) -> None:
        """Each command and option says what it does."""
        for path, command in _commands(app):
            assert command.help, f"{path} has no docstring"
            for parameter in command.params:
                if parameter.param_type_name == "option" and not parameter.hidden:
                    assert parameter.help, f"{path} {parameter.opts[0]} has no help"

    def test_help_is_shown(self, app: Any) -> None:
        """``--help`` works for each command, with exit code 0."""
        from typer.testing import CliRunner

        for path, command in _commands(app):
            result = CliRunner().invoke(app, [*path.split()[1:], "--help"])
            assert result.exit_code == 0, f"{path}: {result.output}"
            assert (command.help or "").split()[0] in result.output


def _commands(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield each command of an app with its words; the first word is a stand-in for its name."""
    from typer.main import get_command

    waiting = [("app", get_command(app))]
    while waiting:
        path, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            yield path, command
        else:
            waiting += [(f"{path} {name}", item) for name, item in inner.items()]


class ObserverContract:
    """Subclass it and give the fixture ``observe``: ``observe(event) -> None``."""

    @pytest.fixture
    def observe(self) -> Callable[[Any], None]:
        """Return the observer under test."""
        raise NotImplementedError("give a fixture 'observe'")

    def test_follows_a_run(self, observe: Any) -> None:
        """It takes every event of a run, from the threads that send them."""
        from mdio.testing.memory import MemoryTarget

        failed: list[Exception] = []

        def watched(event: Any) -> None:
            try:
                observe(event)
            except Exception as error:
                failed.append(error)
                raise

        source = synthetic.volume((9, 7, 11))
        run(source, MemoryTarget().create(source, Creation()), workers=2, observers=[watched])
        assert not failed, f"raised {failed[0]!r}; the run would go on without it"

    def test_takes_what_does_not_happen_often(self, observe: Any) -> None:
        """Warnings and failures are events, too."""
        observe(events.Warned("a warning"))
        observe(events.RunStopped("made to stop"))

    def test_takes_events_that_it_does_not_know(self, observe: Any) -> None:
        """Later versions may send more kinds: they are passed over."""
        observe(object())
