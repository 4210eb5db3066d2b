"""YAML with places: what is read, what is refused, and what messages say."""

import pytest

from mdio.config.document import Document, dotted
from mdio.exceptions import ConfigError, NoReaderError


def values(text):
    return Document(text, "f.yaml").values


def refusal(text):
    with pytest.raises(ConfigError) as caught:
        Document(text, "f.yaml")
    return caught.value


def test_values_are_those_of_yaml():
    assert values("a: {b: [1, 2.5, yes, ~, 'x']}\nc: 2 GiB\n") == {"a": {"b": [1, 2.5, True, None, "x"]}, "c": "2 GiB"}
    assert values("") is None


def test_keys_are_text_as_written_and_base_60_is_not_used():
    assert values("{189: a, on: b, 1.50: c, x: 10:20, y: 1:02.5}") == {
        "189": "a",
        "on": "b",
        "1.50": "c",
        "x": "10:20",
        "y": "1:02.5",
    }


def test_every_value_knows_its_line():
    document = Document("a: 1\nb:\n  - x: 1\n    y:\n      z: 2\n  - 3\n", "f.yaml")
    lines = {(): None, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "y"): 4, ("b", 0, "y", "z"): 5, ("b", 1): 6}
    assert {path: document.place(path).line for path in lines} == lines
    assert document.place(("b", 0, "y", "absent", 7)).line == 4


def test_dotted_paths():
    assert dotted(("runs", 1, "output", "chunks", 0)) == "runs[1].output.chunks[0]"


def test_errors_name_file_path_line_and_hint():
    document = Document("a:\n  b: 1\n", "f.yaml")
    error = document.error(("a", "b"), "is wrong", hint="do better")
    assert (error.path, error.line, error.exit_code) == ("a.b", 2, 2)
    assert str(error) == "f.yaml: a.b (line 2): is wrong; do better"
    other = document.error(("a", "b"), "no reader", hint="install it", kind=NoReaderError)
    assert type(other) is NoReaderError
    assert str(other) == "f.yaml: a.b (line 2): no reader; install it"


@pytest.mark.parametrize(
    ("text", "path", "line", "part"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "b.c", 5, "given twice; the first is in line 3"),
        ("a:\n\tb: 1\n", "", 2, "not YAML"),
        ("a: [1, 2\nb: 3\n", "", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", "", 2, "not YAML"),
        ("a: 1\nb: !!python/object/apply:os.system ['x']\n", "b", 2, "tag"),
        ("a: 1\nb: !!python/name:os.system x\n", "b", 2, "not YAML"),
        ("a: 1\nb: !!set {x}\n", "b", 2, "tag !!set"),
        ("a: !secret x\n", "a", 1, "not YAML"),
        ("a: 1\n? [x, y]\n: 2\n", "", 2, "key that is not text"),
        ("a: 1\n~: 2\n", "", 2, "key that is not text"),
        ("a: 1\nb: 2020-13-01\n", "b", 2, "month"),
        ("a: &x\n  - 1\n  - *x\n", "a[1]", 1, "contains itself"),
        ("a: &x\n  b: 1\n  <<: *x\n", "a", 3, "<<"),
        ("a: 1\n<<: [1]\n", "", 2, "<<"),
    ],
)
def test_what_is_refused(text, path, line, part):
    error = refusal(text)
    assert part in error.message
    assert error.line == line
    if "not YAML" not in part:
        assert error.path == path
    assert error.message.startswith("f.yaml: ")


def test_merge_keys_give_defaults_and_keep_their_lines():
    document = Document("x: &d {a: 1, b: 2}\ny:\n  b: 3\n  <<: *d\n  c: 4\n", "f.yaml")
    assert document.values["y"] == {"a": 1, "b": 3, "c": 4}
    assert (document.place(("y", "a")).line, document.place(("y", "b")).line) == (1, 3)
    assert values("{p: &p {a: 1, b: 1}, q: &q {b: 2, c: 2}, r: {<<: [*p, *q]}}")["r"] == {"a": 1, "b": 1, "c": 2}


def test_aliases_share_nothing():
    found = values("a: &x {b: [1]}\nc: *x\n")
    found["a"]["b"].append(2)
    assert found["c"] == {"b": [1]}


def test_what_aliases_stand_for_is_bounded():
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20))
    assert "more than 100000 values" in refusal(text).message


def test_bounded_also_in_merges():
    text = "m0: &m0 {a: 1}\n" + "".join(
        f"m{n}: &m{n}\n  <<: [{', '.join([f'*m{n - 1}'] * 10)}]\n" for n in range(1, 20)
    )
    assert refusal(text).exit_code == 2


def test_deep_nesting_is_an_error_and_no_crash():
    assert "nested too deeply" in refusal("[" * 20000).message


def test_bytes_that_are_no_text():
    assert "not YAML text" in refusal(b"a: \xff\xfe\xff\n").message
    assert values("a: ü".encode("utf-16")) == {"a": "ü"}


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.yaml: No such file"):
        Document.read(tmp_path / "no.yaml")


class TestEnvironment:
    def expanded(self, text):
        document = Document(text, "f.yaml")
        document.expand()
        return document

    def test_references_are_replaced_everywhere(self, monkeypatch):
        monkeypatch.setenv("A_B", "x y")
        monkeypatch.setenv("N", "4")
        text = "a: ${A_B}/${A_B}\nb: [{c: '${N}'}]\nd: $${A_B} $A_B $$\n"
        assert self.expanded(text).values == {"a": "x y/x y", "b": [{"c": "4"}], "d": "${A_B} $A_B $$"}

    def test_a_value_is_not_expanded_again(self, monkeypatch):
        monkeypatch.setenv("A", "${B}")
        assert self.expanded("a: ${A}").values == {"a": "${B}"}

    def test_a_missing_variable_is_named_with_its_place(self, monkeypatch):
        monkeypatch.delenv("NOT_SET", raising=False)
        with pytest.raises(ConfigError) as caught:
            self.expanded("a:\n  b: s3://${NOT_SET}/x\n")
        assert str(caught.value).startswith("f.yaml: a.b (line 2): the environment variable NOT_SET is not set")

    @pytest.mark.parametrize("text", ["${}", "${A-B}", "${A:-x}", "${A", "${ A }"])
    def test_malformed_references(self, text):
        with pytest.raises(ConfigError, match="not of the form"):
            self.expanded(f"a: '{text}'")

    def test_values_stay_out_of_messages(self, monkeypatch):
        monkeypatch.setenv("KEY", "geheim123")
        document = self.expanded("a: ${KEY}")
        error = document.error(("a",), "no codec 'geheim123'", hint="try geheim1234")
        assert str(error) == "f.yaml: a (line 1): no codec '${KEY}'; try ${KEY}4"


class TestPut:
    def test_scalars_lists_and_new_mappings(self):
        document = Document("a: {b: 1}\nl: [{x: 1}]\n", "f.yaml")
        document.put(("a", "b"), "[1, 2]", "--set a.b")
        document.put(("l", 0, "x"), "null", "--set l[0].x")
        document.put(("n", "m", "o"), "text", "--set n.m.o")
        assert document.values == {"a": {"b": [1, 2]}, "l": [{"x": None}], "n": {"m": {"o": "text"}}}

    def test_what_is_not_yaml_is_text(self):
        document = Document("a: 1\n", "f.yaml")
        document.put(("a",), "*.sgy", "--set a")
        assert document.values == {"a": "*.sgy"}

    def test_the_place_is_the_option(self):
        document = Document("a:\n  b: 1\n", "f.yaml")
        document.put(("a",), "{b: 2}", "--set a")
        assert str(document.error(("a", "b"), "wrong")) == "--set a: a.b: wrong"

    @pytest.mark.parametrize("path", [("a", "b"), ("l", 3), ("l", "x"), ("a", 0)])
    def test_paths_that_lead_nowhere(self, path):
        document = Document("a: 1\nl: [1]\n", "f.yaml")
        with pytest.raises(ConfigError, match=r"has no (key|item)"):
            document.put(path, "1", "--set x")
