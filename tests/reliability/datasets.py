"""Datasets with something wrong in them: makers of repositories, and what is to come of each.

`REFUSED` maps a name to a maker, columns to ask for, and words of the one line that refuses it, the flag
to set included; `TOLERATED` to a maker and words of what people are warned of ("" for nothing).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.data import CLASS_WORDS, image_splits, png
from tests.support.repos import write_card

Rows = Sequence[tuple[Any, Any]]
MANY = 10_000
MEGABYTE = 1 << 20


def rows(*labels: Any, times: int = 8, start: int = 0) -> list[tuple[Any, Any]]:
    """(text, label) rows, all different; the text tells the label's place among `labels`."""
    return [
        (f"{CLASS_WORDS[i % len(CLASS_WORDS)][n % 6]} story number {start + n} of {label}", label)
        for n in range(times)
        for i, label in enumerate(labels)
    ]


def as_csv(
    folder: Path, head: tuple[str, ...] = ("text", "label"), **splits: Sequence[Sequence[Any]]
) -> None:
    """One CSV file per split."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in splits.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([head, *content])
    write_card(folder, {"task_categories": ["text-classification"]})


def as_parquet(folder: Path, types: Mapping[str, Any], names: Sequence[str] = (), **splits: Any) -> None:
    """One parquet file per split, columns in the order of `types`; `names` make `label` a ClassLabel."""
    fields = pa.schema(list(types.items()))
    if names:
        features = {"label": {"names": list(names), "_type": "ClassLabel"}}
        features |= {n: {"dtype": "string", "_type": "Value"} for n in types if n != "label"}
        fields = fields.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    for name, content in splits.items():
        path = folder / "data" / f"{name}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = [list(c) for c in zip(*content, strict=True)] or [[] for _ in types]
        arrays = [pa.array(c, type=t) for c, t in zip(columns, types.values(), strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=fields), path)
    write_card(folder, {"task_categories": ["text-classification"]})


TEXT, INT, FLOAT = pa.string(), pa.int64(), pa.float64()
BOTH = {"text": TEXT, "label": INT}


def empty_train(folder: Path) -> None:
    as_parquet(folder, BOTH, train=[], test=rows(0, 1))


def empty_file(folder: Path) -> None:
    as_csv(folder, train=[])
    (folder / "train.csv").write_bytes(b"")


def header_only(folder: Path) -> None:
    as_csv(folder, train=[])


def one_class(folder: Path) -> None:
    as_csv(folder, train=rows("only"), test=rows("only"))


def one_class_of_two(folder: Path) -> None:
    """Two classes are declared, one is there."""
    as_parquet(folder, BOTH, ["no", "yes"], train=rows(1), test=rows(0, 1))


def one_declared_class(folder: Path) -> None:
    as_parquet(folder, BOTH, ["all"], train=rows(0), test=rows(0))


def all_unlabelled(folder: Path) -> None:
    as_parquet(folder, BOTH, ["no", "yes"], train=rows(-1), test=rows(-1))


def all_null_labels(folder: Path) -> None:
    as_parquet(folder, BOTH, train=rows(None), test=rows(None))


def all_null_texts(folder: Path) -> None:
    as_parquet(folder, BOTH, ["no", "yes"], train=[(None, i % 2) for i in range(16)], test=rows(0, 1))


def ratings(folder: Path) -> None:
    as_csv(folder, train=rows(1.5, 2.25), test=rows(1.5, 2.25, start=100))


def always_one_number(folder: Path) -> None:
    as_parquet(folder, {"text": TEXT, "label": FLOAT}, train=rows(0.25, 0.25), test=rows(0.25, 0.75))


def no_finite_number(folder: Path) -> None:
    as_parquet(folder, {"text": TEXT, "label": FLOAT}, train=rows(0.25, float("inf")), test=rows(0.25, 0.75))


def fractions_late(folder: Path) -> None:
    """Whole numbers as far as an index looks, and a fraction far behind."""
    whole = [(f"{text} {'filler ' * 40}", label) for text, label in rows(0, 1, times=400)]
    as_csv(folder, train=[*whole, ("late", 0.5)], test=rows(0, 1))


def always_one_set(folder: Path) -> None:
    as_parquet(
        folder, {"text": TEXT, "label": pa.list_(INT)},
        train=[(t, [2, 3]) for t, _ in rows(0, 1)], test=[(t, [2]) for t, i in rows(0, 1)],
    )  # fmt: skip


def sets_of_unknown(folder: Path) -> None:
    """The test split has classes that the train split lacks, and sets that are empty or null."""
    as_parquet(
        folder, {"text": TEXT, "label": pa.list_(INT)},
        train=[(t, [i, 2]) for t, i in rows(0, 1)],
        test=[(t, [None, [], [7, 8], [0]][n % 4]) for n, (t, _) in enumerate(rows(0, 1))],
    )  # fmt: skip


def words_without_a_class_each(folder: Path) -> None:
    as_parquet(
        folder, {"tokens": pa.list_(TEXT), "tags": pa.list_(INT)},
        train=[(t.split(), [0, 1]) for t, _ in rows(0, 1)], test=[(t.split(), [0, 1]) for t, _ in rows(0, 1)],
    )  # fmt: skip


def options_of_several_numbers(folder: Path) -> None:
    as_parquet(
        folder, {"question": TEXT, "choices": pa.list_(TEXT), "label": INT},
        train=[(t, ["a", "b", "c"][: 2 + i], i) for t, i in rows(0, 1)],
        test=[(t, ["a", "b"], i) for t, i in rows(0, 1)],
    )  # fmt: skip


def ids_as_labels(folder: Path) -> None:
    as_csv(folder, train=[(f"text {i}", f"user-{i}") for i in range(300)])


def two_labels(folder: Path) -> None:
    as_csv(folder, ("text", "topic", "emotion"), train=[(t, i, i) for t, i in rows("a", "b")])


def no_label(folder: Path) -> None:
    as_csv(folder, ("text", "remark"), train=[(t, i) for t, i in rows("a", "b")])


def two_texts(folder: Path) -> None:
    as_csv(folder, ("title", "abstract", "label"), train=[(t, t, i) for t, i in rows("a", "b")])


def no_text(folder: Path) -> None:
    as_csv(folder, ("height", "label"), train=[(n, i) for n, (_, i) in enumerate(rows(0, 1))])


def lists_as_text(folder: Path) -> None:
    as_parquet(
        folder, {"tokens": pa.list_(TEXT), "label": INT},
        train=[(t.split(), i) for t, i in rows(0, 1)], test=[(t.split(), i) for t, i in rows(0, 1)],
    )  # fmt: skip


def two_images(folder: Path) -> None:
    image = pa.struct({"bytes": pa.binary(), "path": TEXT})
    as_parquet(folder, {"left": image, "right": image, "label": INT}, train=[(None, None, i) for i in (0, 1)])


def no_train(folder: Path) -> None:
    as_csv(folder, validation=rows("a", "b"), test=rows("a", "b"))


def nothing_to_hold_out(folder: Path) -> None:
    as_csv(folder, train=[("one", "a"), ("two", "b")])


def broken_parquet(folder: Path) -> None:
    as_parquet(folder, BOTH, train=rows(0, 1))
    file = next(folder.glob("data/train*"))
    file.write_bytes(file.read_bytes()[:-5])


def damaged_parquet(folder: Path) -> None:
    """A sound footer, and pages of nonsense."""
    as_parquet(folder, BOTH, train=rows(0, 1, times=200))
    file = next(folder.glob("data/train*"))
    content = bytearray(file.read_bytes())
    content[4:400] = b"\xff" * 396
    file.write_bytes(bytes(content))


def _images(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    for split, images in image_splits((12, 6, 6), 2).items():
        for number, (image, label) in enumerate(zip(images.columns["image"], images.labels, strict=True)):
            path = folder / split / ("red", "green")[label] / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            content = png(image)
            path.write_bytes(spoil(content) if (split, number) == ("train", 5) else content)
    write_card(folder, {"task_categories": ["image-classification"]})


def truncated_image(folder: Path) -> None:
    _images(folder, lambda content: content[: len(content) // 2])


def empty_image(folder: Path) -> None:
    _images(folder, lambda content: b"")


def text_as_image(folder: Path) -> None:
    _images(folder, lambda content: b"<html>not found</html>")


def empty_evaluation_splits(folder: Path) -> None:
    as_parquet(folder, BOTH, ["no", "yes"], train=rows(0, 1, times=16), validation=[], test=[])


def unseen_classes(folder: Path) -> None:
    as_csv(folder, train=rows("a", "b"), test=rows("a", "b", "zebra", times=4, start=99))


def unlabelled_among(folder: Path) -> None:
    """A label of -1 here and there in train, and everywhere in test."""
    train = [(f"{t} again", -1) for t, _ in rows(0, times=2)] + rows(0, 1)
    as_parquet(folder, BOTH, ["no", "yes"], train=train, validation=rows(0, 1, start=50), test=rows(-1))


def minus_one_is_a_class(folder: Path) -> None:
    as_csv(folder, train=rows(-1, 1), test=rows(-1, 1, start=50))


def words_as_labels(folder: Path) -> None:
    as_csv(folder, train=rows("schön", "'; DROP TABLE models; --"), test=rows("schön", start=50))


def null_texts(folder: Path) -> None:
    as_parquet(folder, BOTH, ["no", "yes"], train=[*rows(0, 1), (None, 1)], test=rows(0, 1, start=50))


def blank_texts(folder: Path) -> None:
    blank = [("", 0), (" \t ", 1), ("\u200b", 0), ("\x00", 1)]
    as_parquet(folder, BOTH, ["no", "yes"], train=[*rows(0, 1), *blank], test=rows(0, 1, start=50))


def long_rows(folder: Path) -> None:
    """Texts of a megabyte, some of them one word, in a CSV file whose head holds none completely."""
    train = [(f"{t} " + word * (MEGABYTE // len(word)), i)
             for word, (t, i) in zip(("movie ", "x"), rows("a", "b", times=1), strict=True)]  # fmt: skip
    as_csv(folder, train=[*train, *rows("a", "b")], test=rows("a", "b", start=50))


def duplicates(folder: Path) -> None:
    train = rows("a", "b")
    as_csv(folder, train=train, validation=[*train[:3], *rows("a", "b", start=50)],
           test=[*train[:4], *rows("a", "b", start=90)])  # fmt: skip


def duplicate_images(folder: Path) -> None:
    _images(folder, lambda content: content)
    first = folder / "train" / "red" / "0000.png"
    (folder / "test" / "red" / "copy.png").write_bytes(first.read_bytes())


def many_classes(folder: Path) -> None:
    train = [(f"story {n} of {i}", i) for i in range(MANY) for n in range(2)]
    test = [(f"other story of {i}", i) for i in range(0, MANY, 5)]
    as_parquet(
        folder, BOTH, [f"class {i}" for i in range(MANY)], train=train, validation=test[1:], test=test[:1]
    )


Maker = Callable[[Path], None]


def _named(*cases: tuple[Maker, str]) -> dict[str, tuple[Maker, str]]:
    return {maker.__name__.replace("_", "-"): (maker, words) for maker, words in cases}


REFUSED = _named(
    (empty_train, "has no rows"),
    (empty_file, "cannot read train.csv"),
    (header_only, "holds no rows"),
    (one_class, "--label-column"),
    (one_class_of_two, "--label-column"),
    (one_declared_class, "--label-column"),
    (all_unlabelled, "--label-column"),
    (all_null_labels, "--label-column"),
    (all_null_texts, "--text-column"),
    (always_one_number, "--label-column"),
    (no_finite_number, "--label-column"),
    (fractions_late, "--label-column"),
    (always_one_set, "--label-column"),
    (words_without_a_class_each, "--label-column"),
    (options_of_several_numbers, "--choice-column"),
    (ids_as_labels, "--label-column"),
    (two_labels, "--label-column"),
    (no_label, "--label-column"),
    (two_texts, "--text-column"),
    (no_text, "--text-column"),
    (lists_as_text, "--text-column"),
    (two_images, "--image-column"),
    (no_train, "no train split"),
    (nothing_to_hold_out, "too few examples"),
    (broken_parquet, "is not a parquet file"),
    (damaged_parquet, "cannot be read"),
    (truncated_image, "of the train split"),
    (empty_image, "of the train split"),
    (text_as_image, "of the train split"),
)
TOLERATED = _named(
    (empty_evaluation_splits, ""),
    (ratings, ""),
    (sets_of_unknown, "rows without an input or a label"),
    (unseen_classes, "4 of 12 test examples have a class"),
    (unlabelled_among, "2 rows without an input or a label"),
    (minus_one_is_a_class, ""),
    (words_as_labels, ""),
    (null_texts, "1 rows without an input or a label"),
    (blank_texts, ""),
    (long_rows, ""),
    (duplicates, "4 of 20 test examples also stand in the train part"),
    (duplicate_images, "1 of 7 test examples also stand in the train part"),
    (many_classes, ""),
)
