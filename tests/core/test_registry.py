"""Look-ups by name and content, name conflicts, and what errors say."""

import types

import pytest

import mdio
from mdio.exceptions import (
    ConfigError,
    GridOverrideUnknownError,
    MDIONotFoundError,
    NoReaderError,
    NoWriterError,
    PluginNotInstalledError,
    StorageError,
)
from mdio.plugins import (
    Check,
    Codec,
    Command,
    GridOverride,
    Observer,
    Reader,
    StorageBackend,
    Template,
    Writer,
    hookimpl,
    install,
)
from mdio.plugins.manager import Host
from mdio.plugins.registry import Registry, registry

HOOK_OF = {
    Reader: "mdio_readers",
    Writer: "mdio_writers",
    Codec: "mdio_codecs",
    GridOverride: "mdio_grid_overrides",
    StorageBackend: "mdio_storage_backends",
    Template: "mdio_templates",
    Check: "mdio_checks",
    Command: "mdio_commands",
    Observer: "mdio_observers",
}


def _constant(own):
    def hook():
        return own

    return hook


def plugin_of(*items):
    """A module that contributes these."""
    module = types.ModuleType("made_up")
    for kind, name in HOOK_OF.items():
        own = [item for item in items if isinstance(item, kind)]
        if own:
            hook = _constant(tuple(own))
            setattr(module, name, hookimpl(hook))
    return module


def registry_of(**plugins):
    """A registry with these plugins (distribution name: descriptors) and none that are installed."""
    host = Host()
    for name, items in plugins.items():
        made = host.register(plugin_of(*items), name, distribution=f"dist-{name}")
        assert made.state == "ok", made.traceback
    return Registry(host)


def sniff_yes(url, head, storage):
    return True


def sniff_no(url, head, storage):
    return False


def sniff_raises(url, head, storage):
    raise KeyError("bug in a sniff")


def sniff_missing(url, head, storage):
    raise MDIONotFoundError("nothing there")


def sniff_storage_fails(url, head, storage):
    raise StorageError("the network is down")


@pytest.fixture
def importable(monkeypatch):
    """Make this file importable under a name that import strings can use."""
    import sys

    module = types.ModuleType("sniffers")
    for name, value in globals().items():
        if name.startswith("sniff_"):
            setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "sniffers", module)


def reader(name, **more):
    return Reader(name=name, target="nowhere:open", **more)


class TestByName:
    def test_every_kind_is_found(self):
        found = registry_of(
            a=[
                reader("r"),
                Writer(name="w", target="x:y"),
                Codec(name="c", target="x:y"),
                GridOverride(name="G", target="x:y"),
                StorageBackend(name="tapes", schemes=("tape", "tapes"), target="x:y"),
                Template(name="t", dims=("a", "b")),
                Command(name="cmd", target="x:y"),
                Check(name="all", target="x:y"),
                Check(name="segy-only", formats=("segy",), target="x:y"),
                Observer(name="o", target="x:y"),
            ]
        )
        assert found.reader("r").name == "r"
        assert found.writer("w").name == "w"
        assert found.codec("c").name == "c"
        assert found.grid_override("G").name == "G"
        assert found.storage_backend("tape").name == found.storage_backend("tapes").name == "tapes"
        assert found.template("t").dims == ("a", "b")
        assert found.command("cmd").name == "cmd"
        assert [check.name for check in found.checks("segy")] == ["all", "segy-only"]
        assert [check.name for check in found.checks("vds")] == ["all"]
        assert [observer.name for observer in found.observers()] == ["o"]
        assert [template.name for template in found.templates()] == ["t"]
        assert found.provider(found.reader("r")).distribution == "dist-a"

    @pytest.mark.parametrize(
        ("look_up", "error"),
        [
            ("reader", NoReaderError),
            ("writer", NoWriterError),
            ("codec", PluginNotInstalledError),
            ("grid_override", GridOverrideUnknownError),
            ("storage_backend", StorageError),
            ("template", ConfigError),
        ],
    )
    def test_unknown_names_raise_the_error_of_their_kind(self, look_up, error):
        with pytest.raises(error, match=r"no .* named 'zzzzzz'") as raised:
            getattr(registry_of(a=[]), look_up)("zzzzzz")
        assert raised.value.hint.startswith("installed: none")

    def test_near_names_are_suggested_whatever_the_case(self):
        found = registry_of(a=[GridOverride(name="HasDuplicates", target="x:y"), reader("zarrette")])
        with pytest.raises(GridOverrideUnknownError) as raised:
            found.grid_override("hasduplicate")
        assert raised.value.hint == "did you mean HasDuplicates?"
        with pytest.raises(NoReaderError) as raised:
            found.reader("zarette")
        assert raised.value.hint == "did you mean zarrette?"


class TestDetection:
    def test_magic_goes_before_the_ending(self):
        found = registry_of(a=[reader("x", suffixes=(".dat",)), reader("y", magic=((4, b"MAGIC"),))])
        assert found.reader_for("a.dat", b"....MAGIC").name == "y"
        assert found.reader_for("a.dat", b"...MAGIC.").name == "x"

    def test_magic_behind_the_first_4_kib_is_not_looked_for(self):
        found = registry_of(a=[reader("x", magic=((4096, b"M"),))])
        with pytest.raises(NoReaderError):
            found.reader_for("a", bytes(4096) + b"M")

    def test_the_longer_mark_wins(self):
        found = registry_of(a=[reader("zip", magic=((0, b"PK"),)), reader("npz", magic=((0, b"PK\x03\x04"),))])
        assert found.reader_for("a", b"PK\x03\x04...").name == "npz"
        assert found.reader_for("a", b"PK\x05\x06...").name == "zip"

    def test_the_ending_decides_between_equal_marks(self):
        mark = ((0, b"PK"),)
        found = registry_of(
            a=[reader("one", magic=mark, suffixes=(".one",)), reader("two", magic=mark, suffixes=(".two",))]
        )
        assert found.reader_for("x.two", b"PK").name == "two"
        assert found.reader_for("x.one", b"PK").name == "one"

    def test_endings_ignore_case_queries_and_trailing_slashes(self):
        found = registry_of(a=[reader("f", suffixes=(".sgy",)), reader("d", suffixes=(".mdio",), directories=True)])
        assert found.reader_for("LINE.SGY", b"").name == "f"
        assert found.reader_for("https://host/a.sgy?sig=a/b.vds", b"").name == "f"
        assert found.reader_for("s3://bucket/a.mdio/", b"", True).name == "d"

    def test_a_question_mark_in_a_local_name_is_no_query(self):
        assert registry_of(a=[reader("f", suffixes=(".sgy",))]).reader_for("line?.sgy", b"").name == "f"

    def test_files_and_directories_of_one_ending_are_told_apart(self):
        found = registry_of(a=[reader("file", suffixes=(".x",)), reader("folder", suffixes=(".x",), directories=True)])
        assert found.reader_for("a.x", b"", False).name == "file"
        assert found.reader_for("a.x", b"", True).name == "folder"

    def test_readers_are_asked_last(self, importable):
        found = registry_of(
            a=[reader("no", sniff="sniffers:sniff_no"), reader("yes", sniff="sniffers:sniff_yes")],
            b=[reader("named", suffixes=(".n",))],
        )
        assert found.reader_for("a", b"").name == "yes"
        assert found.reader_for("a.n", b"").name == "named"

    def test_a_sniff_that_fails_does_not_know_the_input(self, importable):
        found = registry_of(
            a=[
                reader("bug", sniff="sniffers:sniff_raises"),
                reader("gone", sniff="sniffers:sniff_missing"),
                reader("lost", sniff="not_there:sniff"),
                reader("yes", sniff="sniffers:sniff_yes"),
            ]
        )
        assert found.reader_for("a", b"").name == "yes"

    def test_a_store_that_fails_is_not_taken_for_a_no(self, importable):
        found = registry_of(a=[reader("down", sniff="sniffers:sniff_storage_fails")])
        with pytest.raises(StorageError, match="network is down"):
            found.reader_for("a", b"")

    def test_a_directory_named_like_a_file_goes_to_the_reader_that_can_complain(self):
        assert registry_of(a=[reader("segy", suffixes=(".sgy",))]).reader_for("a.sgy", b"", True).name == "segy"

    def test_nothing_fits(self):
        found = registry_of(a=[reader("x", suffixes=(".x",)), reader("y")])
        with pytest.raises(NoReaderError) as raised:
            found.reader_for("https://user:secret@host/a.zzz?token=secret", b"")
        assert "installed: x, y" in raised.value.message
        assert "secret" not in str(raised.value)
        assert "--from" in raised.value.hint

    @pytest.mark.parametrize(("url", "plugin"), [("a.SGY", "segy"), ("b.segy", "segy"), ("s3://b/c.vds", "vds")])
    def test_a_missing_plugin_of_ours_is_named(self, url, plugin):
        with pytest.raises(NoReaderError) as raised:
            registry_of(a=[reader("x")]).reader_for(url, b"")
        assert raised.value.hint == install.install_hint(f"mdio-{plugin}")
        with pytest.raises(NoWriterError) as raised:
            registry_of(a=[]).writer_for(url)
        assert raised.value.hint == install.install_hint(f"mdio-{plugin}")

    def test_a_broken_plugin_of_ours_is_not_to_be_installed_again(self):
        host = Host()
        broken = types.ModuleType("broken")
        broken.MDIO_API = "9.0"
        host.register(broken, "segy", distribution="mdio-segy")
        with pytest.raises(NoReaderError) as raised:
            Registry(host).reader_for("a.sgy", b"")
        assert raised.value.hint == "plugin segy is incompatible; see: mdio plugins show segy"

    def test_writer_by_ending(self):
        found = registry_of(
            a=[Writer(name="z", suffixes=(".z",), target="x:y"), Writer(name="tz", suffixes=(".t.z",), target="x:y")]
        )
        assert found.writer_for("a.z").name == "z"
        assert found.writer_for("dir.t/a.T.Z").name == "tz"
        with pytest.raises(NoWriterError, match=r"z \(\.z\), tz \(\.t\.z\)"):
            found.writer_for("a.q")


class TestConflicts:
    def test_the_first_keeps_the_name_and_both_are_reached(self):
        one, two = reader("npz", summary="one"), reader("npz", summary="two")
        found = registry_of(a=[one], b=[two])
        assert found.reader("npz") is one
        assert found.reader("dist-a:npz") is one
        assert found.reader("dist-b:npz") is two
        (conflict,) = found.conflicts
        assert (conflict.kind, conflict.name, conflict.holder) == ("reader", "npz", "dist-a")
        assert conflict.others == ("dist-b:npz",)
        assert "dist-a" in str(conflict) and "dist-b:npz" in str(conflict)

    def test_one_name_in_two_kinds_is_no_conflict(self):
        assert not registry_of(a=[reader("npz")], b=[Writer(name="npz", target="x:y")]).conflicts

    def test_a_qualified_name_works_without_a_conflict(self):
        assert registry_of(a=[reader("npz")]).reader("dist-a:npz").name == "npz"
        with pytest.raises(NoReaderError):
            registry_of(a=[reader("npz")]).reader("dist-b:npz")

    def test_schemes_conflict_by_scheme(self):
        found = registry_of(
            a=[StorageBackend(name="x", schemes=("s3",), target="x:y")],
            b=[StorageBackend(name="y", schemes=("s3", "s9"), target="x:y")],
        )
        assert found.storage_backend("s3").name == "x"
        assert found.storage_backend("s9").name == "y"
        assert [(item.kind, item.name) for item in found.conflicts] == [("storage backend", "s3")]

    def test_a_preference_decides(self):
        found = registry_of(a=[reader("npz", summary="one")], b=[reader("npz", summary="two")])
        with found.preferring({"reader:npz": "dist-b"}):
            assert found.reader("npz").summary == "two"
            assert found.reader("dist-a:npz").summary == "one"
        assert found.reader("npz").summary == "one"

    def test_both_readers_of_one_name_take_part_in_detection(self):
        found = registry_of(a=[reader("c", suffixes=(".c",))], b=[reader("c", suffixes=(".c2",), summary="two")])
        assert found.reader_for("x.c2", b"").summary == "two"

    def test_kinds_of_two_words_in_preferences(self):
        found = registry_of(a=[GridOverride(name="G", target="x:one")], b=[GridOverride(name="G", target="x:two")])
        with found.preferring({"grid_override:G": "dist-b"}):
            assert found.grid_override("G").target == "x:two"

    @pytest.mark.parametrize("prefer", [{"npz": "dist-a"}, {"raeder:npz": "dist-a"}, {"reader:npz": "dist-zzz"}])
    def test_a_preference_that_means_nothing_is_refused(self, prefer):
        found = registry_of(a=[reader("npz")])
        with pytest.raises(ConfigError, match=r"plugins\.prefer"), found.preferring(prefer):
            pass
        assert found.reader("npz")


class TestProcessRegistry:
    def test_it_is_made_once_and_has_the_core(self):
        assert registry() is registry()
        core = registry().plugin("builtin")
        assert (core.distribution, core.version, core.state) == ("mdio-core", mdio.__version__, "ok")
        assert registry().reader("mdio").directories
        assert registry().storage_backend("s3").requires == "pip install s3fs"

    def test_a_plugin_can_be_registered_for_a_while(self):
        with registry().registered(plugin_of(reader("for-a-while")), "passing", distribution="dist-p") as plugin:
            assert plugin.state == "ok"
            assert registry().reader("for-a-while").name == "for-a-while"
        with pytest.raises(NoReaderError):
            registry().reader("for-a-while")

    def test_unknown_plugin(self):
        with pytest.raises(PluginNotInstalledError) as raised:
            registry().plugin("bultin")
        assert raised.value.hint == "did you mean builtin?"

    def test_the_cable_is_computed_before_channels_are_wrapped(self):
        assert "CalculateCable" in registry().grid_override("ChannelWrap").after

    def test_overrides_exclude_each_other_both_ways(self):
        overrides = {item.name: item for item in registry().grid_overrides()}
        for item in overrides.values():
            for other in item.excludes:
                assert item.name in overrides[other].excludes, (item.name, other)

    def test_templates_are_whole(self):
        for template in registry().templates():
            assert len(template.dims) == len(template.chunks) >= 2
            assert {*template.keys, *template.units} <= {*template.dims}
        # SEG-Y rev 1: in-line number at byte 189, cross-line number at 193, four bytes each.
        assert registry().template("poststack3d").keys == {"inline": "189:int32", "crossline": "193:int32"}


class TestInstallHint:
    def test_in_a_clone_the_folder_is_named(self, tmp_path, monkeypatch):
        package = tmp_path / "core" / "src" / "mdio"
        (tmp_path / "plugins" / "segy").mkdir(parents=True)
        (tmp_path / "plugins" / "segy" / "pyproject.toml").touch()
        monkeypatch.setattr(mdio, "__file__", str(package / "__init__.py"))
        monkeypatch.chdir(tmp_path)
        assert install.install_hint("mdio-segy") == "pip install -e plugins/segy"
        monkeypatch.chdir(tmp_path / "plugins")
        assert install.install_hint("mdio-segy") == f"pip install -e {tmp_path / 'plugins' / 'segy'}"
        assert install.install_hint("mdio-vds") == "pip install mdio-vds"

    def test_elsewhere_the_distribution_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mdio, "__file__", str(tmp_path / "site-packages" / "mdio" / "__init__.py"))
        assert install.install_hint("mdio-segy") == "pip install mdio-segy"
        assert install.install_hint("somebody-elses") == "pip install somebody-elses"
