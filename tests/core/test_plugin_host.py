"""What becomes of plugins: one that misbehaves is kept with its reason and takes nobody down."""

import types

import pytest

from mdio.exceptions import IncompatiblePluginError, PluginLoadError
from mdio.plugins import API_VERSION, Codec, Command, Reader, StorageBackend, Template, Writer, hookimpl
from mdio.plugins.manager import Host


def module_of(name="made_up", api=None, **hooks):
    module = types.ModuleType(name)
    if api is not None:
        module.MDIO_API = api
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module


def admitted(module, **host):
    return Host(**host).register(module, "made-up", distribution="mdio-made-up")


READER = Reader(name="r", target="a.b:c")


def yielding(*items):
    def hook():
        yield from items

    return hook


def test_contributions_of_a_good_plugin():
    plugin = admitted(module_of(mdio_readers=yielding(READER), mdio_templates=lambda: [Template(name="t")]))
    assert (plugin.state, plugin.problem) == ("ok", "")
    assert plugin.provides == {"reader": ["r"], "template": ["t"]}
    assert plugin.qualified == "mdio-made-up:made-up"


@pytest.mark.parametrize(
    ("hooks", "reason"),
    [
        ({"mdio_readers": lambda: 1 / 0}, "ZeroDivisionError: division by zero"),
        ({"mdio_readers": yielding("r")}, "yielded str, expected Reader"),
        ({"mdio_readers": yielding(Writer(name="w", target="a:b"))}, "yielded Writer, expected Reader"),
        ({"mdio_readers": lambda: READER}, "mdio_readers returned Reader; return or yield an iterable"),
        ({"mdio_readers": lambda: 3}, "mdio_readers returned int"),
        ({"mdio_readers": yielding(READER, READER)}, "occurs twice"),
        ({"mdio_readers": yielding(Reader(name="r"))}, "target '' is not of the form"),
        ({"mdio_readers": yielding(Reader(name="r", target="a.b"))}, "target 'a.b' is not of the form"),
        ({"mdio_readers": yielding(Reader(name="r", target="a:b", options="x"))}, "options 'x'"),
        ({"mdio_readers": yielding(Reader(name="r", target="a:b", sniff="x"))}, "sniff 'x'"),
        ({"mdio_readers": yielding(Reader(name="a:b", target="a:b"))}, "one word without ':'"),
        ({"mdio_readers": yielding(Reader(name="a b", target="a:b"))}, "one word"),
        ({"mdio_readers": yielding(Reader(name="", target="a:b"))}, "one word"),
        ({"mdio_readers": yielding(Reader(name="r", target="a:b", suffixes=".npz"))}, "suffixes is a tuple"),
        ({"mdio_readers": yielding(Reader(name="r", target="a:b", suffixes=("npz",)))}, "suffixes is a tuple"),
        ({"mdio_writers": yielding(Writer(name="r", target="a:b", suffixes=(".NPZ",)))}, "lower-case"),
        ({"mdio_storage_backends": yielding(StorageBackend(name="x", target="a:b"))}, "at least one URL scheme"),
        ({"mdio_commands": yielding(Command(name="a b c", target="a:b"))}, "also two"),
        ({"mdio_reader": yielding(READER)}, "no hook 'mdio_reader'; did you mean mdio_readers?"),
        ({"mdio_readers": lambda argument: []}, "argument"),
    ],
)
def test_a_plugin_that_misbehaves_is_broken_and_says_why(hooks, reason):
    plugin = admitted(module_of(**hooks))
    assert plugin.state == "broken"
    assert reason in plugin.problem
    assert "\n" not in plugin.problem
    assert "Traceback" in plugin.traceback
    assert plugin.contributions == ()


def test_leaving_the_process_is_no_way_out():
    def hook():
        raise SystemExit(3)

    assert admitted(module_of(mdio_readers=hook)).state == "broken"


def test_broken_drops_what_was_fine():
    plugin = admitted(module_of(mdio_readers=yielding(READER), mdio_codecs=lambda: 1 / 0))
    assert (plugin.state, plugin.contributions) == ("broken", ())


def test_others_go_on():
    host = Host()
    bad = host.register(module_of("bad", mdio_readers=lambda: 1 / 0), "bad")
    good = host.register(module_of("good", mdio_readers=yielding(READER)), "good")
    assert [bad.state, good.state] == ["broken", "ok"]
    assert good.provides == {"reader": ["r"]}


def test_a_command_may_hang_into_another():
    assert admitted(module_of(mdio_commands=yielding(Command(name="codecs bench", target="a:b")))).state == "ok"


MAJOR, MINOR = map(int, API_VERSION.split("."))


@pytest.mark.parametrize(
    ("api", "state"),
    [
        (None, "ok"),
        ("1", "ok"),
        ("1.0", "ok"),
        (f"{MAJOR}.{MINOR + 1}", "ok"),
        (f"{MAJOR + 1}.0", "incompatible"),
        ("0.9", "incompatible"),
        ("one", "broken"),
        ("", "broken"),
    ],
)
def test_plugin_api_versions(api, state):
    plugin = admitted(module_of(api=api, mdio_readers=yielding(READER)))
    assert plugin.state == state
    assert bool(plugin.contributions) == (state == "ok")


def test_a_newer_minor_version_is_warned_about_and_may_bring_hooks_we_lack():
    plugin = admitted(module_of(api=f"{MAJOR}.{MINOR + 5}", mdio_readers=yielding(READER), mdio_future=yielding()))
    assert plugin.state == "ok"
    assert "parts may be missing" in plugin.problem


def test_strict_raises():
    with pytest.raises(PluginLoadError, match=r"made-up.*ZeroDivisionError"):
        admitted(module_of(mdio_readers=lambda: 1 / 0), strict=True)
    with pytest.raises(IncompatiblePluginError):
        admitted(module_of(api="7.0"), strict=True)


def test_switches_of_the_environment(monkeypatch):
    monkeypatch.setenv("MDIO_PLUGINS_DISABLE", " segy, mdio-vds ,,")
    monkeypatch.setenv("MDIO_PLUGINS_STRICT", "1")
    host = Host.from_environment()
    assert host.disabled == {"segy", "mdio-vds"}
    assert host.strict
    monkeypatch.setenv("MDIO_PLUGINS_STRICT", "0")
    assert not Host.from_environment().strict


def test_a_plugin_can_leave_and_come_back():
    host, module = Host(), module_of(mdio_codecs=yielding(Codec(name="c", target="a:b")))
    first = host.register(module, "p")
    assert host.register(module, "p").state == "broken"  # it is there already
    assert first.state == "ok"
    host.unregister(first)
    assert host.register(module, "p").state == "ok"
