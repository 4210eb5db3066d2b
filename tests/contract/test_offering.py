"""The contracts of templates, checks, commands and observers: sound ones pass, and what breaks them is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import typer

from mdio.core.findings import Finding
from mdio.plugins import Template
from mdio.plugins.builtin import mdio_templates
from mdio.testing import CheckContract, CommandContract, ObserverContract, TemplateContract, synthetic

TEMPLATES = {template.name: template for template in mdio_templates()}


class TestOurTemplates(TemplateContract):
    @pytest.fixture(params=TEMPLATES)
    def template(self, request):
        return TEMPLATES[request.param]


def silent(volume):
    if not volume.samples(volume.schema.region).any():
        yield Finding("warning", "all samples are zero")


class TestSilent(CheckContract):
    @pytest.fixture
    def check(self):
        return silent

    @pytest.fixture
    def defective(self):
        return synthetic.volume((2, 3, 4), live=lambda i, x: i < 0)


class TestOurObserver(ObserverContract):
    @pytest.fixture
    def observe(self):
        return [].append


def an_app(help_text="Greet somebody.", option_help="Whom."):
    app = typer.Typer()

    @app.command(help=help_text)
    def greet(name: str = typer.Option("you", "--name", help=option_help)) -> None:
        typer.echo(name)

    return app


class TestAnApp(CommandContract):
    @pytest.fixture
    def app(self):
        return an_app()


@pytest.mark.parametrize(
    "changes",
    [
        {"dims": ("sample",), "chunks": (4,), "keys": {}, "units": {}},
        {"dims": ("a", "a"), "chunks": (4, 4), "keys": {}, "units": {}},
        {"chunks": (4,)},
        {"chunks": (4, 4, 0)},
        {"units": {"nothing": "m"}},
        {"keys": {"inline": "here"}},
        {"keys": {"inline": "0"}},
        {"keys": {"inline": "239:int32"}},
        {"keys": {"inline": "1:int33"}},
        {"keys": {"sample": "115:int16"}},
    ],
)
def test_template_contract_sees(changes):
    template = replace(TEMPLATES["poststack3d"], **changes)
    contract = TemplateContract()
    with pytest.raises(AssertionError):
        for name in dir(contract):
            if name.startswith("test_"):
                getattr(contract, name)(template)


def test_the_last_words_of_a_header_are_within_it():
    template = Template(name="t", dims=("a", "s"), chunks=(1, 1), keys={"a": "239:int16"})
    TemplateContract().test_words_are_bytes_of_a_header(template)


def remembering():
    seen = []

    def check(volume):
        seen.append(volume)
        yield Finding("info", f"number {len(seen)}")

    return check


def spoiling(volume):
    volume._samples[...] = 0
    return ()


@pytest.mark.parametrize(
    "check",
    [
        lambda volume: ["text"],
        lambda volume: [Finding("error", "always")],
        lambda volume: [Finding("info", "two\nlines")],
        lambda volume: [],
        remembering(),
        spoiling,
    ],
    ids=["text", "always", "lines", "never", "remembers", "spoils"],
)
def test_check_contract_sees(check):
    contract, volume = CheckContract(), synthetic.volume((2, 3, 4))
    with pytest.raises(AssertionError):
        contract.test_says_findings(check, volume)
        contract.test_says_the_same_again(check, volume)
        contract.test_finds_the_defect(check, volume)
    assert np.any(synthetic.volume((2, 3, 4)).samples(volume.schema.region))


def mute(event):
    raise RuntimeError("no")


def knows_few(event):
    return event.slabs_done


@pytest.mark.parametrize("observe", [mute, knows_few])
@pytest.mark.filterwarnings("ignore")
def test_observer_contract_sees(observe):
    contract = ObserverContract()
    with pytest.raises((AssertionError, RuntimeError, AttributeError)):
        contract.test_follows_a_run(observe)
    with pytest.raises((RuntimeError, AttributeError)):
        contract.test_takes_events_that_it_does_not_know(observe)


@pytest.mark.parametrize("app", [typer.Typer(), an_app(help_text=""), an_app(option_help=""), print])
def test_command_contract_sees(app):
    contract = CommandContract()
    with pytest.raises(AssertionError):
        contract.test_is_a_typer(app)
        contract.test_everything_has_help(app)
