"""How the command line starts, what it imports, and how it ends."""

import json
import os
import subprocess
import sys
import types

import pytest
import typer

import mdio
from mdio.cli import main, options
from mdio.cli.app import build
from mdio.exceptions import CancelledError, ConfigError, FormatError, MDIONotFoundError, PluginNotInstalledError
from mdio.plugins import Command, hookimpl
from mdio.plugins.registry import registry

HEAVY = ("numpy", "zarr", "numcodecs", "pydantic", "rich", "fsspec", "yaml")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom mdio.cli import main\n"
        f"code = main({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[] 0\n"
    assert done.stdout


def test_text_needs_no_validator(tmp_path):
    code = (
        "import sys\nfrom mdio.cli import main\n"
        f"code = main(['verify', {str(tmp_path / 'none.mdio')!r}])\n"
        "print('typer._adapters' in sys.modules, file=sys.stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
    assert "none.mdio" in done.stderr


def test_numbers_are_still_checked(tmp_path, capsys):
    assert main(["segy", "export", str(tmp_path / "a.mdio"), str(tmp_path / "b.sgy"), "--workers", "many"]) != 0
    assert "--workers" in capsys.readouterr().err


def test_import_mdio_imports_nothing_heavy():
    code = f"import sys, mdio; print([n for n in {(*HEAVY, 'pluggy', 'importlib.metadata')!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


class TestSeedImports:
    def test_the_version_is_that_of_the_distribution(self):
        from importlib.metadata import version

        assert mdio.__version__ == version("mdio-core")

    def test_names_load_on_first_use(self):
        from mdio import Dimension
        from mdio.core.dimension import Dimension as same

        assert Dimension is same
        assert {"MDIOReader", "segy_to_mdio", "convert"} <= {*dir(mdio)}

    def test_the_module_of_a_function_does_not_hide_it(self):
        import mdio.convert
        from mdio import convert

        assert callable(convert)
        assert callable(mdio.convert)

    def test_unknown_names(self):
        with pytest.raises(AttributeError, match="nonsense"):
            mdio.nonsense  # noqa: B018
        with pytest.raises(ImportError):
            from mdio import nonsense  # noqa: F401

    def test_a_name_of_an_absent_plugin_says_what_to_install(self, monkeypatch):
        class Nothing:
            def find_spec(self, name, path=None, target=None):
                if name == "mdio_segy":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        for name in [name for name in sys.modules if name.partition(".")[0] == "mdio_segy"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.delitem(vars(mdio), "segy_to_mdio", raising=False)
        monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])
        with pytest.raises(
            PluginNotInstalledError, match="segy_to_mdio needs a plugin that is not installed"
        ) as raised:
            from mdio import segy_to_mdio  # noqa: F401
        assert isinstance(raised.value, ImportError)
        assert "pip install" in raised.value.hint
        from mdio.converters import segy

        with pytest.raises(ImportError):
            segy.segy_to_mdio  # noqa: B018

    def test_star_import_hides_no_builtin_and_needs_no_plugin(self):
        assert not {"open", "segy_to_mdio", "mdio_to_segy"} & {*mdio.__all__}


@pytest.fixture
def command(monkeypatch):
    """Mount a function as ``mdio made-up`` and return how to set it."""
    target = types.ModuleType("made_up_target")
    monkeypatch.setitem(sys.modules, "made_up_target", target)
    module = types.ModuleType("made_up_plugin")
    module.mdio_commands = hookimpl(
        lambda: [
            Command(name="made-up", summary="Made up.", target="made_up_target:app"),
        ]
    )

    def mount(*functions, callback=None):
        target.app = typer.Typer(callback=callback)
        for function in functions:
            target.app.command(function.__name__.replace("_", "-"))(function)

    with registry().registered(module, "made-up") as plugin:
        assert plugin.state == "ok", plugin.traceback
        yield mount


def fails_with(error):
    def fail() -> None:
        raise error

    return fail


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code", "lines"),
        [
            (ConfigError("wrong", path="a.b", hint="do c"), 2, ["error: a.b: wrong", "hint: do c"]),
            (FormatError("cut", url="x.sgy", byte=3600), 4, ["error: x.sgy, byte 3600: cut"]),
            (MDIONotFoundError("x: nothing"), 5, ["error: x: nothing"]),
            (FormatError("two\n  lines"), 4, ["error: two lines"]),
            (CancelledError("stopped", hint="--resume"), 130, ["error: stopped", "hint: --resume"]),
            (KeyboardInterrupt(), 130, ["error: cancelled"]),
            (
                FileNotFoundError(2, "No such file or directory", "a.txt"),
                5,
                ["error: a.txt: No such file or directory"],
            ),
            (PermissionError(13, "Permission denied"), 5, ["error: Permission denied"]),
            (typer.Abort(), 130, ["error: cancelled"]),
            (
                KeyError("k"),
                1,
                ["error: internal error: KeyError: 'k'; run again with -v for the traceback"],
            ),
        ],
    )
    def test_every_error_is_a_line_and_a_code(self, command, capsys, error, code, lines):
        command(fails_with(error))
        assert main(["made-up"]) == code
        out, err = capsys.readouterr()
        assert (out, err.splitlines()) == ("", lines)

    def test_out_of_memory(self, command, capsys):
        command(fails_with(MemoryError()))
        assert main(["made-up"]) == 1
        assert "--memory" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["-v", "made-up"], ["made-up", "-v"], ["made-up", "--verbose"]])
    def test_verbose_adds_the_traceback(self, command, capsys, arguments):
        command(fails_with(ConfigError("wrong")))
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert "Traceback" in err
        assert err.endswith("error: wrong\n")

    def test_log_json(self, command, capsys):
        command(fails_with(ConfigError("wrong", hint="do c")))
        assert main(["made-up", "--log", "json"]) == 2
        said = json.loads(capsys.readouterr().err)
        assert said == {"level": "error", "message": "wrong", "hint": "do c", "code": 2}

    def test_log_of_another_kind(self, capsys):
        assert main(["--log", "xml", "plugins"]) == 2
        assert "expected text or json" in capsys.readouterr().err

    def test_codes_of_commands_are_kept(self, command):
        def stop() -> None:
            raise typer.Exit(4)

        command(stop)
        assert main(["made-up"]) == 4
        command(fails_with(SystemExit(5)))
        assert main(["made-up"]) == 5

    def test_warnings_are_lines_and_quiet_hushes_them(self, command, capsys):
        def warn() -> None:
            import logging
            import warnings

            warnings.warn("first", stacklevel=1)
            logging.getLogger("mdio.x").warning("second %d", 2)
            logging.getLogger("mdio.x").info("detail")

        command(warn)
        assert main(["made-up"]) == 0
        assert capsys.readouterr().err.splitlines() == ["warning: first", "warning: second 2"]
        assert main(["--quiet", "made-up"]) == 0
        assert capsys.readouterr().err == ""
        assert main(["-v", "made-up"]) == 0
        assert "info: detail" in capsys.readouterr().err


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "error", "hint"),
        [
            (["plugns"], "no command 'plugns'", "did you mean plugins?"),
            (["plugins", "lst"], "No such command 'lst'", "did you mean 'list'?"),
            (["plugins", "list", "--jso"], "No such option: --jso", "did you mean --json?"),
            (["plugins", "show"], "Missing argument 'name'", "see mdio plugins show --help"),
            (["qqqqqq"], "no command 'qqqqqq'", "mdio --help lists the commands"),
        ],
    )
    def test_wrong_usage(self, capsys, arguments, error, hint):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.lower() == f"error: {error}\nhint: {hint}\n".lower()

    def test_a_command_of_an_absent_plugin(self, capsys, monkeypatch):
        from mdio.plugins import install

        monkeypatch.setitem(install.COMMANDS, "nosuch", "mdio-nosuch")
        assert main(["nosuch", "import"]) == 3
        assert capsys.readouterr().err == (
            "error: the command 'nosuch' comes with mdio-nosuch\nhint: pip install mdio-nosuch\n"
        )

    def test_a_command_that_cannot_be_imported(self, command, capsys):
        assert main(["made-up"]) == 3
        assert "command 'made-up': cannot load 'made_up_target:app'" in capsys.readouterr().err
        assert main(["--help"]) == 0
        assert "Made up." in capsys.readouterr().out


class TestMounting:
    def test_one_command_is_mounted_as_itself(self, command, capsys):
        def greet(name: str, loud: bool = False) -> None:
            """Greet somebody."""
            typer.echo(name.upper() if loud else name)

        command(greet)
        assert main(["made-up", "you", "--loud"]) == 0
        assert capsys.readouterr().out == "YOU\n"
        assert main(["made-up", "--help"]) == 0
        assert "Greet somebody." in capsys.readouterr().out

    def test_several_are_a_group(self, command, capsys):
        def one() -> None:
            typer.echo("1")

        def two() -> None:
            typer.echo("2")

        command(one, two)
        assert main(["made-up", "two"]) == 0
        assert capsys.readouterr().out == "2\n"
        assert main(["made-up", "--help"]) == 0
        assert "Made up." in capsys.readouterr().out

    def test_one_with_a_callback_is_a_group(self, command):
        def one() -> None:
            typer.echo("1")

        command(one, callback=lambda: None)
        assert main(["made-up", "one"]) == 0

    def test_a_command_hangs_into_another(self, capsys, monkeypatch):
        target = types.ModuleType("hanging_target")
        target.app = typer.Typer()

        @target.app.command()
        def bench(n: int = 1) -> None:
            typer.echo(f"bench {n}")

        monkeypatch.setitem(sys.modules, "hanging_target", target)
        module = types.ModuleType("hanging")
        module.mdio_commands = hookimpl(lambda: [Command(name="codecs test-bench", target="hanging_target:app")])
        with registry().registered(module, "hanging"):
            assert main(["codecs", "test-bench", "--n", "3"]) == 0
            assert capsys.readouterr().out == "bench 3\n"
            assert main(["codecs", "list"]) == 0
            assert main(["--help"]) == 0
            assert "test-bench" not in capsys.readouterr().out
        assert main(["codecs", "test-bench"]) == 2

    def test_only_the_command_that_is_named_is_imported(self, command):
        build(["plugins"])
        assert not hasattr(sys.modules["made_up_target"], "app")


class TestOptions:
    def test_shared_types(self, command, capsys):
        def take(
            context: typer.Context,
            memory: options.Memory = None,
            storage_options: options.StorageOptions = None,
            quiet: options.Quiet = False,
            workers: options.Workers = None,
        ) -> None:
            typer.echo(repr((memory, storage_options, quiet, workers, options.settings_of(context).log)))

        command(take)
        assert main(["made-up", "--memory", "2GiB", "--storage-options", '{"anon": true}', "--workers", "3"]) == 0
        assert capsys.readouterr().out == "(2147483648, {'anon': True}, False, 3, 'text')\n"
        assert main(["--quiet", "--log=json", "made-up"]) == 0
        assert capsys.readouterr().out == "(None, None, True, None, 'json')\n"
        assert main(["made-up", "--quiet"]) == 0
        assert capsys.readouterr().out == "(None, None, True, None, 'text')\n"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--memory", "lots"], "'lots' is not a size"),
            (["--memory", "0"], "'0' is not a size"),
            (["--storage-options", '{"secret": "hunter2"'], "--storage-options: not JSON"),
            (["--storage-options", '["hunter2"]'], "--storage-options: expected a JSON object"),
            (["--workers", "0"], "--workers"),
        ],
    )
    def test_wrong_values(self, command, capsys, arguments, says):
        def take(
            memory: options.Memory = None,
            storage_options: options.StorageOptions = None,
            workers: options.Workers = None,
        ) -> None: ...

        command(take)
        assert main(["made-up", *arguments]) == 2
        err = capsys.readouterr().err
        assert says in err
        assert "hunter2" not in err

    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("512", 512),
            ("512B", 512),
            ("1k", 1024),
            ("1 kB", 1000),
            ("1KiB", 1024),
            ("1.5G", 1610612736),
            ("2 GB", 2_000_000_000),
            ("3MiB", 3145728),
            (".5m", 524288),
        ],
    )
    def test_sizes(self, text, size):
        assert options.size(text) == size

    @pytest.mark.parametrize("text", ["", "-1", "1x", "G", "1e9", "inf"])
    def test_no_sizes(self, text):
        with pytest.raises(ConfigError):
            options.size(text)

    def test_key_values(self):
        pairs = ["n=3", "flag=true", "name=zfp", "list=[1, 2]", "empty=", "url=a=b", 'text="3"']
        assert options.key_values(pairs) == {
            "n": 3,
            "flag": True,
            "name": "zfp",
            "list": [1, 2],
            "empty": "",
            "url": "a=b",
            "text": "3",
        }
        with pytest.raises(ConfigError, match="key=value"):
            options.key_values(["alone"])

    def test_comma_list(self):
        assert options.comma_list("181, 185") == ["181", "185"]
        assert options.comma_list("17,,13") == ["17", "", "13"]
        assert options.comma_list(" ") == []


class TestOldForms:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (
                "segy import a b -loc 181,185 -names inline,crossline -types int32,int32 -chunks 4,4,4",
                "segy import a b --header-locations 181,185 --header-names inline,crossline"
                " --header-types int32,int32 --chunk-size 4,4,4",
            ),
            ("segy import a b -endian little -overwrite", "segy import a b --endian little --overwrite"),
            ("segy import -lossless true a b", "segy import --lossless a b"),
            ("segy import -lossless False a b", "segy import --lossy a b"),
            ("segy import --lossless=no a b", "segy import --lossy a b"),
            ("segy import -lossless a -loc 1 b", "segy import --lossless a --header-locations 1 b"),
            ("segy import a b -lossless", "segy import a b --lossless"),
            (
                "segy import -tolerance 0.1 -grid-overrides {}",
                "segy import --compression-tolerance 0.1 --grid-overrides {}",
            ),
            ("segy export -format ieee32 -access 012", "segy export --segy-format ieee32 --access-pattern 012"),
            ("info -format json x", "info --output-format json x"),
            (
                "copy a b -exc chunked_012 -inc trace_headers",
                "copy a b --excludes chunked_012 --includes trace_headers",
            ),
            ("copy a b -storage={}", "copy a b --storage-options={}"),
            ("copy a b -- -loc", "copy a b -- -loc"),
            ("plot -o x.png", "plot -o x.png"),
        ],
    )
    def test_old_forms_become_long_options(self, old, new):
        assert options.normalise_argv(old.split(" ")) == new.split(" ")

    def test_they_work_from_the_top(self, command, capsys):
        def take(header_locations: str = "", lossless: bool = typer.Option(True, "--lossless/--lossy")) -> None:
            typer.echo(f"{header_locations} {lossless}")

        command(take)
        assert main(["made-up", "-loc", "189,193", "-lossless", "false"]) == 0
        assert capsys.readouterr().out == "189,193 False\n"


def test_python_dash_m():
    done = subprocess.run(
        [sys.executable, "-m", "mdio", "--version"], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == f"mdio {mdio.__version__}\n"
