"""A dataset id -> `records.Dataset`: columns, labels and splits found without downloading data.

The card's features come first (they cost the one metadata request that is needed anyway), then
a parquet footer, the head of a table, or the listing of an image folder. Repositories that
need a loading script, or hold a format that cannot be read in place, are served from the Hub's
parquet conversion (`refs/convert/parquet`) when there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.client import TIMEOUT, card_of, check_repo_id, commit_of, hub_api, hub_errors
from hubselect.hub.columns import Choice, choose_columns
from hubselect.hub.formats import Source
from hubselect.hub.found import Found, columns_of, footers_of, rows_of
from hubselect.hub.layout import converted_layout, infos, own_layout
from hubselect.hub.patience import persistent
from hubselect.records import Dataset, Role, dataset_name

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

CONVERTED = "refs/convert/parquet"


def index_dataset(
    dataset_id: str,
    *,
    config: str | None = None,
    revision: str | None = None,
    role: Role = "benchmark",
    text_columns: tuple[str, ...] = (),
    choice_columns: tuple[str, ...] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """Everything the registry keeps of a dataset, pinned to a commit; no data is downloaded.

    Explicit columns win over the rules. Split sizes are None when only the data would tell.
    When `data_revision` is set, the files are `CONFIG/SPLIT/*.parquet` of that commit, and the
    record's `config` is set if the conversion holds several.

    Raises HubError's classes, InvalidInput (id, config, column or role that does not exist) and
    UnsupportedDataset (no label, no text, image or sound, no train split, an
    ambiguity with the option that settles it, a script without parquet conversion).
    """
    check_repo_id(dataset_id)
    if role not in get_args(Role):
        raise InvalidInput(f"{role!r} is no role", "choose benchmark or target")
    name = dataset_name(dataset_id, config)
    info = _dataset_info(dataset_id, revision)
    card = card_of(info)
    found = _find(dataset_id, info, card, config, name=name)
    if "train" not in found.layout.files:
        raise UnsupportedDataset(
            f"{name} has no train split (its splits: {', '.join(found.layout.files) or 'none'})",
            "choose another --config, or a dataset with a split called train",
        )
    declared = _declared(card, found.layout.config)
    footers = footers_of(declared, found)
    columns = columns_of(declared, found, footers)
    choice = choose_columns(
        columns,
        name=name,
        text_columns=text_columns,
        choice_columns=choice_columns,
        image_column=image_column,
        audio_column=audio_column,
        label_column=label_column,
    )
    if len(choice.label.label_names) == 1:
        raise UnsupportedDataset(
            f"the label {choice.label.name!r} of {name} has one class only",
            "choose another with --label-column L",
        )
    splits = rows_of(declared, found.layout, footers)
    config = _recorded_config(found, config)
    return _record(info, config, role, choice, splits, found)


def _record(
    info: DatasetInfo,
    config: str | None,
    role: Role,
    choice: Choice,
    splits: Mapping[str, int | None],
    found: Found,
) -> Dataset:
    return Dataset(
        id=found.source.repo_id,
        task=choice.task,
        config=config,
        revision=info.sha,
        data_revision=found.source.revision if found.converted else None,
        text_columns=choice.text,
        choice_columns=choice.choices,
        image_column=choice.image,
        audio_column=choice.audio,
        label_column=choice.label.name,
        problem_type=choice.problem_type,
        label_names=choice.label.label_names,
        splits=splits,
        role=role,
    )


def _dataset_info(dataset_id: str, revision: str | None) -> DatasetInfo:
    """Metadata with file sizes. A gated dataset shows its metadata to all, so access is asked for."""
    api = hub_api()
    with hub_errors(dataset_id, repo_type="dataset", revision=revision):
        info = persistent(
            lambda: api.dataset_info(dataset_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        )
        if info.gated:
            persistent(lambda: api.auth_check(dataset_id, repo_type="dataset"))
    return info


def _source(repo_id: str, info: DatasetInfo) -> Source:
    return Source(repo_id, commit_of(info), {s.rfilename: int(s.size or 0) for s in info.siblings or ()})


def _find(
    dataset_id: str, info: DatasetInfo, card: Mapping[str, Any], config: str | None, *, name: str
) -> Found:
    source = _source(dataset_id, info)
    # the datasets library refuses a repository with such a script even beside data files
    script = f"{dataset_id.split('/')[-1]}.py"
    if script not in source.sizes:
        layout = own_layout(card, list(source.sizes), config, name=name)
        if layout is not None:
            return Found(layout, source, converted=False)
    converted = _converted(dataset_id, config, name=name)
    if converted is not None:
        return converted
    if script in source.sizes:
        raise UnsupportedDataset(
            f"{name} is loaded by a script ({script}), which is never run, and has no parquet conversion",
            "look for a copy of it in parquet or CSV",
        )
    raise UnsupportedDataset(
        f"{name} has no data files that can be read in place (parquet, CSV, TSV, JSON, images, "
        "sound), "
        "and no parquet conversion",
        "convert it, for example with `datasets` and `push_to_hub`",
    )


def _converted(dataset_id: str, config: str | None, *, name: str) -> Found | None:
    from huggingface_hub.errors import RemoteEntryNotFoundError, RevisionNotFoundError

    with hub_errors(dataset_id, repo_type="dataset", revision=CONVERTED):
        try:
            info = persistent(
                lambda: hub_api().dataset_info(
                    dataset_id, revision=CONVERTED, files_metadata=True, timeout=TIMEOUT
                )
            )
        except (RevisionNotFoundError, RemoteEntryNotFoundError):
            return None
    source = _source(dataset_id, info)
    layout = converted_layout(list(source.sizes), config, name=name)
    return Found(layout, source, converted=True) if layout else None


def _recorded_config(found: Found, config: str | None) -> str | None:
    """Of a conversion with several configs the folder must be known to load it."""
    if config is None and found.converted:
        folders = {path.split("/")[0] for path in found.source.sizes if path.endswith(".parquet")}
        return found.layout.config if len(folders) > 1 else None
    return config


def _declared(card: Mapping[str, Any], config: str | None) -> Mapping[str, Any]:
    """The card's `dataset_info` of this config, {} when it has none."""
    entries = infos(card)
    same = [e for e in entries if e.get("config_name") == config]
    if same:
        return same[0]
    anonymous = [e for e in entries if e.get("config_name") in (None, "default")]
    if len(entries) == 1 and (anonymous or config in (None, "default")):
        return entries[0]
    return anonymous[0] if anonymous and config in (None, "default") else {}
