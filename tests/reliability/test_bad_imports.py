"""Files of scores with a fault somewhere: refused as a whole with the line, the registry as it was.

Through the command line in this process, from files that hypothesis makes.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hubselect.demo.server import MiniHub
from hubselect.registry import Registry
from tests.reliability.test_bad_words import Place, fuzzed

HEAD = ["model", "dataset", "score", "split", "stage", "epochs", "seed", "recipe"]
FAULTS = {
    "text in the score": ("score", "high"),
    "a score with a comma": ("score", "0,5"),
    "no score": ("score", ""),
    "not a number": ("score", "nan"),
    "infinite": ("score", "inf"),
    "minus infinite": ("score", "-Infinity"),
    "overflowing": ("score", "1e999"),
    "no model": ("model", ""),
    "a blank dataset": ("dataset", " "),
    "a control character": ("model", "org/\x07"),
    "a line break": ("dataset", "org/a\nb"),
    "an endless name": ("model", "o/" + "x" * 300),
    "another split": ("split", "train"),
    "stage zero": ("stage", "0"),
    "half a stage": ("stage", "1.5"),
    "a stage in words": ("stage", "first"),
    "an endless stage": ("stage", "1e300"),
    "no time": ("epochs", "0"),
    "negative time": ("epochs", "-1"),
    "infinite time": ("epochs", "inf"),
    "a negative seed": ("seed", "-1"),
    "an endless seed": ("seed", str(2**70)),
    "a seed in words": ("seed", "zero"),
    "SQL for a score": ("score", "1); DROP TABLE runs; --"),
}


@pytest.fixture(scope="module")
def place(hub: MiniHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("imports"), hub)


def sound(rows: int) -> list[list[str]]:
    """Test scores and curves of two stages, all in order."""
    made = []
    for number in range(rows):
        name, (kind, stage) = number // 3, [("val", "1"), ("val", "2"), ("test", "2")][number % 3]
        made.append([f"new/m{name}", f"new/d{name % 4}", f"0.{number + 1}", kind, stage, stage, "0", "r"])
    return made


def written(place: Place, rows: list[list[str]]) -> str:
    """The rows as a CSV file beside the registry's folder."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([HEAD, *rows])
    path = place.folder.parent / "faulty.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    return str(path)


@fuzzed
@given(rows=st.integers(1, 40), at=st.integers(0, 39), fault=st.sampled_from(sorted(FAULTS)))
def test_the_line_of_a_fault_is_named(place: Place, rows: int, at: int, fault: str) -> None:
    """Whatever is wrong, wherever: its line, one line, nothing imported."""
    assume(at < rows)
    content = sound(rows)
    column, value = FAULTS[fault]
    content[at][HEAD.index(column)] = value
    said = place.refuses("registry", "import", written(place, content))
    assert f"faulty.csv, line {at + 2}: " in said


@fuzzed
@given(rows=st.integers(2, 40), at=st.integers(0, 39), copies=st.integers(0, 3))
def test_the_line_of_a_contradiction_is_named(place: Place, rows: int, at: int, copies: int) -> None:
    """A row that says something else about what an earlier one said, also behind copies of that one."""
    assume(at < rows)
    content = sound(rows)
    again = [*content, *([content[at]] * copies), [*content[at][:2], "0.999", *content[at][3:]]]
    said = place.refuses("registry", "import", written(place, again))
    what = f"another score for {content[at][0]} on {content[at][1]} than in line {at + 2}"
    assert f"line {len(again) + 1}: {what}" in said


@fuzzed
@given(rows=st.integers(1, 20), at=st.integers(0, 19), more=st.integers(1, 4))
def test_the_line_of_too_many_columns_is_named(place: Place, rows: int, at: int, more: int) -> None:
    """A row longer than the head."""
    assume(at < rows)
    content = sound(rows)
    content[at] += ["x"] * more
    assert f"line {at + 2} " in place.refuses("registry", "import", written(place, content))


@fuzzed
@given(head=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=6))
def test_other_columns_are_refused(place: Place, head: list[str]) -> None:
    """A head that lacks model, dataset or score, whatever else it holds."""
    assume(not {"model", "dataset", "score"} <= {h.strip() for h in head})
    path = place.folder.parent / "head.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, ["x"] * len(head)])
    place.refuses("registry", "import", str(path))


NOISE = st.one_of(
    st.binary(max_size=400), st.text(st.characters(codec="utf-8"), max_size=400).map(str.encode)
)


@fuzzed
@given(content=NOISE, kind=st.sampled_from(["csv", "csv.gz", "parquet", "tsv", "txt"]))
def test_any_bytes_are_refused(place: Place, content: bytes, kind: str) -> None:
    """Noise is no file of scores, whatever it is called."""
    path = place.folder.parent / f"noise.{kind}"
    path.write_bytes(content)
    place.refuses("registry", "import", str(path))


@fuzzed
@given(pairs=st.text(max_size=60))
def test_any_text_as_columns(place: Place, pairs: str) -> None:
    """`--columns` that does not read, or names a column that is not there."""
    place.refuses("registry", "import", written(place, sound(3)), "--columns", pairs)


SPEAKING = [
    "'; DROP TABLE models; --",
    'x" OR "1"="1',
    "Robert'); DELETE FROM runs;--",
    "\u7d44/\u6a21",
    "%s",
    "../up",
]


def test_names_are_kept_as_they_are_and_never_run(tmp_path: Path) -> None:
    """Names of models may be anything printable: stored, shown and asked for as parameters."""
    path, registry = tmp_path / "names.csv", tmp_path / "names.db"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([HEAD[:3], *([n, n, 0.5] for n in SPEAKING)])
    with Registry.open(registry) as store:
        store.import_scores(path)
        assert sorted(store.matrix().index) == sorted(SPEAKING)
        assert {n: [r.test for r in store.runs(model=n)] for n in SPEAKING} == {n: [0.5] for n in SPEAKING}
        assert store.check() == []


@pytest.mark.slow
def test_ten_million_rows_with_a_fault_in_the_last(place: Place, tmp_path: Path) -> None:
    """Read to the end and refused at its line. HUBSELECT_TEST_ROWS is the number of rows."""
    rows = int(os.environ.get("HUBSELECT_TEST_ROWS", "10000000"))
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write("model,dataset,score\n")
        for start in range(0, rows - 1, 100_000):
            numbers = range(start, min(start + 100_000, rows - 1))
            stream.write("".join(f"org/m{n // 100},org/d{n % 100},0.{n % 997}\n" for n in numbers))
        stream.write("org/last,org/d0,inf\n")
    said = place.refuses("registry", "import", str(path))
    assert f"line {rows + 1}: score is not a finite number" in said
