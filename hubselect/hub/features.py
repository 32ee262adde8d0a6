"""Column types from the three places that declare them: the card, the arrow schema, sampled values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hubselect.hub.columns import Column, Kind

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_FLOATS = frozenset(("float", "double", "float16", "float32", "float64", "halffloat"))
_FILES: tuple[Kind, ...] = ("image", "audio")
_STRINGS = frozenset(("string", "large_string", "string_view"))


def kind_of(dtype: str) -> Kind:
    """The kind of a scalar type by its name in the card or in arrow."""
    if dtype in _STRINGS:
        return "string"
    if dtype in _INTEGERS:
        return "integer"
    if dtype in _FLOATS:
        return "float"
    if dtype == "bool":
        return "bool"
    return dtype if dtype in ("image", "audio") else "other"  # type: ignore[return-value]


def from_card(features: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns of `dataset_info.features` of a dataset card (a list of {name, dtype | list | struct})."""
    return tuple(_card_column(f) for f in features if isinstance(f, Mapping) and "name" in f)


def _card_column(feature: Mapping[str, Any]) -> Column:
    name, dtype = str(feature["name"]), feature.get("dtype")
    if isinstance(dtype, Mapping):
        if "class_label" in dtype:
            return Column(name, "class_label", _card_names(dtype["class_label"]))
        return Column(name, next((k for k in _FILES if k in dtype), "other"))
    if isinstance(dtype, str):
        return Column(name, kind_of(dtype))
    for key in ("list", "sequence"):
        if key in feature:
            return _list_of(name, _card_column({"name": "", **_as_feature(feature[key])}))
    return Column(name, "other")


def _as_feature(inner: object) -> Mapping[str, Any]:
    """The items of a list as a feature of their own: {dtype: string}, {class_label: ...} or a bare type."""
    if isinstance(inner, Mapping):
        return inner if "dtype" in inner or {"list", "sequence"} & inner.keys() else {"dtype": inner}
    return {"dtype": inner}


def _list_of(name: str, item: Column) -> Column:
    return Column(name, "list", item.label_names, item.kind)


def _card_names(class_label: object) -> tuple[str, ...]:
    """`names` is {"0": first, ...} in YAML, sometimes a list."""
    names = class_label.get("names") if isinstance(class_label, Mapping) else None
    if isinstance(names, Mapping):
        return tuple(str(names[key]) for key in sorted(names, key=int))
    return tuple(str(n) for n in names) if isinstance(names, list) else ()


def from_arrow(schema: pa.Schema) -> tuple[Column, ...]:
    """Columns of an arrow schema; the `huggingface` metadata tells class labels and images."""
    try:
        stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        declared = stored.get("info", {}).get("features") or {}
    except (ValueError, AttributeError):
        declared = {}
    return tuple(_arrow_column(field, declared.get(field.name)) for field in schema)


def _arrow_column(field: pa.Field, declared: object) -> Column:
    import pyarrow as pa

    declared_type = declared.get("_type") if isinstance(declared, Mapping) else None
    if isinstance(declared, Mapping) and declared_type == "ClassLabel":
        return Column(field.name, "class_label", tuple(str(n) for n in declared.get("names") or ()))
    if declared_type in ("Image", "Audio"):
        return Column(field.name, "image" if declared_type == "Image" else "audio")
    if (
        pa.types.is_list(field.type)
        or pa.types.is_large_list(field.type)
        or pa.types.is_fixed_size_list(field.type)
    ):
        inner = declared.get("feature") if isinstance(declared, Mapping) else declared
        item = inner[0] if isinstance(inner, list) and inner else inner
        return _list_of(field.name, _arrow_column(field.type.value_field, item))
    if pa.types.is_dictionary(field.type):
        return Column(field.name, kind_of(str(field.type.value_type)))
    if pa.types.is_struct(field.type) and {f.name for f in field.type} == {"bytes", "path"}:
        return Column(field.name, "image")  # how the datasets library stores an undeclared image
    return Column(field.name, kind_of(str(field.type)))


def from_frame(frame: pd.DataFrame) -> tuple[Column, ...]:
    """Columns of a sample of rows (the head of a CSV or JSON file)."""
    return tuple(_sampled(str(name), frame[name]) for name in frame.columns)


def _sampled(name: str, values: pd.Series[Any]) -> Column:
    known = values.dropna()
    if not any(isinstance(v, list) for v in known):
        return Column(name, _sampled_kind(values))
    import pandas as pd

    items = pd.Series([item for v in known if isinstance(v, list) for item in v])
    return Column(name, "list", items=_sampled_kind(items) if len(items) else None)


def _sampled_kind(values: pd.Series[Any]) -> Kind:
    from pandas.api import types

    known = values.dropna()
    if types.is_bool_dtype(known):
        return "bool"
    if types.is_integer_dtype(known):
        return "integer"
    if types.is_float_dtype(known):
        # integers with holes are read as floats; real numbers are not whole
        holes = len(known) < len(values) and bool((known == known.round()).all())
        return "integer" if holes and len(known) else "float"
    if len(known) and all(isinstance(v, str) for v in known):
        return "string"
    if len(known) and all(isinstance(v, bool) for v in known):
        return "bool"
    if len(known) and all(isinstance(v, int) for v in known):
        return "integer"
    return "other"
