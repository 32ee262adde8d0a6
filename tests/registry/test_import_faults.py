"""A bad file is refused as a whole: the message names file, line and fault, the registry is unchanged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from hubselect.errors import InvalidInput
from hubselect.registry import Registry
from tests.registry.conftest import IMAGE, fill

FAULTS = {
    "text score": ("model,dataset,score\na,d,0.5\na,e,good\n", "line 3: score 'good' is not a number"),
    "no score": ("model,dataset,score\na,d,\n", "line 2: score is missing"),
    "nan": ("model,dataset,score\na,d,nan\n", "line 2: score is not a finite number"),
    "infinite": ("model,dataset,score\na,d,1\nb,d,-inf\n", "line 3: score is not a finite number"),
    "no column": ("model,score\na,0.5\n", "no column dataset among model, score"),
    "header only": ("model,dataset,score\n", "it holds no rows"),
    "empty": ("", "the file is empty"),
    "blank lines only": ("model,dataset,score\n\n\n", "it holds no rows"),
    "short row": ("model,dataset,score\na,d\n", "line 2: score is missing"),
    "long row": ("model,dataset,score\na,d,1\na,e,1,2\n", "line 3 has 4 columns, not 3"),
    "same column twice": ("model,dataset,score,score\na,d,1,2\n", "two columns are called score"),
    "no model": ("model,dataset,score\n,d,0.5\n", "line 2: the model name is empty"),
    "long name": ("model,dataset,score\na,d,1\n\na," + "d" * 201 + ",0.5\n", "line 4: the dataset name"),
    "control character": ("model,dataset,score\na\x07,d,0.5\n", "line 2: the model name"),
    "newline in name": ('model,dataset,score\n"a\nb",d,0.5\n', "line 2: the model name"),
    "spaces": ("model,dataset,score\n a,d,0.5\n", "begins or ends with a space"),
    "conflict": (
        "model,dataset,score\na,d,1\nb,d,1\na,d,2\n",
        "line 4: another score for a on d than in line 2",
    ),
    "split": ("model,dataset,score,split\na,d,1,train\n", "line 2: split 'train' is not one of val, test"),
    "seed": ("model,dataset,score,seed\na,d,1,1.5\n", "line 2: seed is not a whole number"),
    "seed text": ("model,dataset,score,seed\na,d,1,x\n", "line 2: seed 'x' is not a number"),
    "negative seed": ("model,dataset,score,seed\na,d,1,-1\n", "line 2: seed is not a whole number"),
    "stage zero": ("model,dataset,score,split,stage\na,d,1,val,0\n", "line 2: stage is not a whole number"),
    "no stage": (
        "model,dataset,score,split\na,d,1,val\n",
        "line 2: a validation score needs a stage or epochs",
    ),
    "some stages": (
        "model,dataset,score,split,stage,epochs\na,d,1,val,1,1\na,d,1,val,,2\n",
        "line 3: stage is missing",
    ),
    "some epochs": (
        "model,dataset,score,split,stage,epochs\na,d,1,val,1,1\na,d,1,val,2,\n",
        "line 3: epochs is missing",
    ),
    "gap": (
        "model,dataset,score,split,stage\na,d,1,val,1\na,d,1,val,3\n",
        "line 3: a on d, stage 3: the stage",
    ),
    "late start": ("model,dataset,score,split,stage\na,d,1,val,2\n", "line 2: a on d, stage 2: the stage"),
    "epochs shrink": (
        "model,dataset,score,split,stage,epochs\na,d,1,val,1,2\na,d,1,val,2,1\n",
        "line 3: a on d, stage 2: epochs does not grow",
    ),
    "no epochs": ("model,dataset,score,epochs\na,d,1,0\n", "line 2: epochs is not above 0"),
    "stage conflict": (
        "model,dataset,score,split,stage\na,d,1,val,1\na,d,2,val,1\n",
        "line 3: another score for a on d than in line 2",
    ),
    "proxy and split": ("model,dataset,proxy,score,split\na,d,leep,1,test\n", "cannot have the column split"),
    "some proxies": ("model,dataset,proxy,score\na,d,leep,1\na,d,,1\n", "line 3: the proxy name is empty"),
    "proxy conflict": ("model,dataset,proxy,score\na,d,leep,1\na,d,leep,2\n", "line 3: another score"),
    "task": ("model,dataset,score,task\na,d,1,poetry\n", "line 2: task 'poetry' is not one of"),
    "two tasks": (
        f"model,dataset,score,task\na,d,1,text-classification\na,e,1,{IMAGE}\n",
        "line 3: the model a is known for text-classification, not for image-classification",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files_are_refused_as_a_whole(registry: Registry, tmp_path: Path, fault: str) -> None:
    """One line with the file's name, the line and what is wrong; nothing is imported."""
    text, message = FAULTS[fault]
    path = tmp_path / "bad.csv"
    path.write_text(text, newline="")
    with pytest.raises(InvalidInput) as caught:
        registry.import_scores(path)
    assert "bad.csv" in caught.value.message
    assert message in caught.value.message
    assert registry.models() == registry.datasets() == registry.runs() == registry.recipes() == []


LAYOUTS = {
    "short row": ("a\tb\n1\t2\n1\n", "d\ne", "matrix.txt, line 3: 1 scores for 2 models"),
    "text": ("a\tb\n1\tx\n", "d", "matrix.txt, line 2: score 'x' is not a number"),
    "nan": ("a\tb\n1\tnan\n", "d", "matrix.txt, line 2: score 'nan' is not a finite number"),
    "counts": ("a\tb\n1\t2\n", "d\ne", "1 rows of scores for the 2 datasets"),
    "same model": ("a--b\ta/b\n1\t2\n", "d", "the model a/b stands there twice"),
    "same dataset": ("a\n1\n2\n", "d\nd", "the dataset d stands there twice"),
    "no score": ("a\n0\n", "d", "no score above 0"),
    "empty": ("", "d", "matrix.txt: the file is empty"),
    "no name": ("\tb\n1\t2\n", "d", "matrix.txt, line 2: the model name is empty"),
}


@pytest.mark.parametrize("fault", LAYOUTS)
def test_bad_layouts_are_refused(registry: Registry, tmp_path: Path, fault: str) -> None:
    """The authors' layout has its own faults."""
    matrix, datasets, message = LAYOUTS[fault]
    (tmp_path / "matrix.txt").write_text(matrix)
    (tmp_path / "datasets.txt").write_text(datasets)
    with pytest.raises(InvalidInput) as caught:
        registry.import_scores(tmp_path, format="matrix")
    assert message in caught.value.message
    assert registry.models() == []


def test_unreadable_sources_are_refused(registry: Registry, tmp_path: Path) -> None:
    """Missing files, folders, broken compression, other encodings, text that is no Parquet."""
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"model,dataset,score\n" * 99)[:40])
    (tmp_path / "plain.csv.gz").write_text("model,dataset,score\na,d,1\n")
    (tmp_path / "latin.csv").write_bytes("model,dataset,score\nä,d,1\n".encode("latin-1"))
    (tmp_path / "text.parquet").write_text("model,dataset,score\n")
    names = ["none.csv", "none.parquet", "cut.csv.gz", "plain.csv.gz", "latin.csv", "text.parquet", "."]
    for name in names:
        with pytest.raises(InvalidInput):
            registry.import_scores(tmp_path / name)
    for source in (tmp_path / "latin.csv", tmp_path, pd.DataFrame()):
        with pytest.raises(InvalidInput):
            registry.import_scores(source, format="matrix")


def test_bad_options_are_refused(registry: Registry, tmp_path: Path) -> None:
    """Unknown formats, tasks, columns and names that are none."""
    path = tmp_path / "good.csv"
    path.write_text("model,dataset,score\na,d,1\n")
    for options in (
        {"format": "wide"},
        {"task": "poetry"},
        {"columns": {"modell": "model"}},
        {"columns": {"model": "nothing"}},
        {"recipe": ""},
        {"source": "x\n"},
        {"format": "matrix", "columns": {"model": "model"}},
    ):
        with pytest.raises(InvalidInput):
            registry.import_scores(path, **options)  # type: ignore[arg-type]
    assert registry.models() == []


def test_frames_are_refused_by_row(registry: Registry) -> None:
    """A frame has rows, not lines; odd cells are faults, not tracebacks."""
    good = {"model": ["a", "b"], "dataset": ["d", "d"], "score": [0.5, 0.6]}
    for change, message in (
        ({"score": [0.5, None]}, "row 2: score is missing"),
        ({"score": [0.5, object()]}, "row 2: score"),
        ({"model": ["a", None]}, "row 2: the model name is empty"),
        ({"seed": [0, "x"]}, "row 2: seed 'x'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            registry.import_scores(pd.DataFrame({**good, **change}))
    with pytest.raises(InvalidInput, match="no column"):
        registry.import_scores(pd.DataFrame())


def test_a_contradiction_to_the_registry_is_refused(registry: Registry, tmp_path: Path) -> None:
    """Another score for a cell, another point for a stage, another computed proxy, another task."""
    selection = fill(registry)
    path = tmp_path / "curves.csv"
    text = "model,dataset,score,split,stage\na,d,0.5,test,1\na,d,0.4,val,1\n"
    path.write_text(text)
    registry.import_scores(path)
    before = registry.runs(), registry.models(), registry.proxy_scores(), registry.selection(selection)
    proxy = "model,dataset,proxy,score\nnew,org/e,leep,1\norg/a,org/d:c,leep,-0.7\n"
    for changed, message in (
        (text.replace("0.5", "0.6"), "line 2: the registry already holds another score for a on d"),
        (text.replace("0.4", "0.3"), "line 3: the registry already holds another score for a on d"),
        (text.replace("a,d,0.4,val,1", "b,d,0.4,val,1\na,d,0.1,val,1"), "line 4: the registry already holds"),
        (proxy, "line 3: leep of org/a on org/d:c was computed here"),
    ):
        path.write_text(changed)
        with pytest.raises(InvalidInput) as caught:
            registry.import_scores(path)
        assert message in caught.value.message
    path.write_text(text)
    with pytest.raises(InvalidInput, match="known for text-classification"):
        registry.import_scores(path, task=IMAGE)
    path.write_text("model,dataset,score,task\nx,y,1,text-classification\n")
    with pytest.raises(InvalidInput, match="line 2: the task is text-classification"):
        registry.import_scores(path, task=IMAGE)
    assert (
        registry.runs(),
        registry.models(),
        registry.proxy_scores(),
        registry.selection(selection),
    ) == before
