"""What the zoo holds: one line per checkpoint, and what the demo uses of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hubselect.errors import UnknownEntry
from hubselect.records import Task

OWNER = "hubselect-zoo"
WeightFormat = Literal["safetensors", "bin"]


@dataclass(frozen=True)
class Checkpoint:
    """How a checkpoint is pre-trained.

    `source` is what it learns from (`text_sources`, `image_sets.IMAGE_SOURCES`): predicting masked words
    when `masked`, else the source's classes. `tokenizer` is empty for images. `parent` is the checkpoint it
    continues from; `headless` ones are saved without their head. `formats` are the weight files that the
    hub repository offers.
    """

    name: str
    task: Task
    architecture: str
    source: str
    steps: int
    hidden: int = 64
    layers: int = 2
    tokenizer: str = ""
    masked: bool = False
    parent: str | None = None
    headless: bool = False
    formats: tuple[WeightFormat, ...] = ("safetensors",)

    @property
    def repo_id(self) -> str:
        return f"{OWNER}/{self.name}"

    @property
    def has_classes(self) -> bool:
        return not self.masked and not self.headless


_MASKED_STEPS, _TEXT_STEPS = 900, 400


def _masked(name: str, architecture: str, tokenizer: str, source: str, **options: object) -> Checkpoint:
    options = {"steps": _MASKED_STEPS, "masked": True, "tokenizer": tokenizer, **options}
    return Checkpoint(name, "text-classification", architecture, source, **options)  # type: ignore[arg-type]


def _continued(name: str, parent: Checkpoint, source: str, **options: object) -> Checkpoint:
    """A classifier that starts from `parent`'s body."""
    options = {"steps": _TEXT_STEPS, **options}
    return Checkpoint(
        name,
        parent.task,
        parent.architecture,
        source,
        hidden=parent.hidden,
        layers=parent.layers,
        tokenizer=parent.tokenizer,
        parent=parent.name,
        **options,  # type: ignore[arg-type]
    )


def _image(name: str, architecture: str, source: str, steps: int, **options: object) -> Checkpoint:
    options = {"hidden": 48, "layers": 3 if architecture == "vit" else 2, **options}
    return Checkpoint(name, "image-classification", architecture, source, steps, **options)  # type: ignore[arg-type]


_BERT_DOCS = _masked("bert-docs", "bert", "wordpiece", "docs", formats=("safetensors", "bin"))
_BERT_CODE = _masked("bert-code", "bert", "bpe", "code")
_ROBERTA = _masked("roberta-mixed", "roberta", "bpe", "mixed", formats=("safetensors", "bin"))
_DISTILBERT = _masked("distilbert-docs", "distilbert", "wordpiece", "docs")
_ALBERT = _masked("albert-docs", "albert", "wordpiece", "docs", layers=3)
_CHARBERT = _masked("charbert-code", "bert", "characters", "code", hidden=48)
_CHARBERT_DOCS = _masked("charbert-docs", "bert", "characters", "docs", hidden=48, steps=600)
_ALBERT_CODE = _masked("albert-code", "albert", "bpe", "code")
_VIT_GLYPHS = _image("vit-glyphs", "vit", "glyphs", 1000, formats=("safetensors", "bin"))
_CONVNEXT = _image("convnext-glyphs", "convnext", "glyphs", 800)

CHECKPOINTS: tuple[Checkpoint, ...] = (
    _BERT_DOCS,
    _continued("bert-docs-packages", _BERT_DOCS, "packages", formats=("safetensors", "bin")),
    _continued("bert-docs-sections", _BERT_DOCS, "sections"),
    _continued("bert-docs-parameters", _BERT_DOCS, "parameters"),
    _continued("bert-docs-cloze", _BERT_DOCS, "cloze"),
    _BERT_CODE,
    _continued("bert-code-depth", _BERT_CODE, "depth"),
    _continued("bert-code-statements", _BERT_CODE, "statements"),
    _ROBERTA,
    _continued("roberta-mixed-packages", _ROBERTA, "code-packages"),
    _continued("roberta-mixed-prose", _ROBERTA, "prose"),
    _DISTILBERT,
    _continued("distilbert-docs-objects", _DISTILBERT, "objects"),
    _ALBERT,
    _continued("albert-docs-packages", _ALBERT, "packages"),
    _CHARBERT,
    _continued("charbert-code-brackets", _CHARBERT, "brackets", formats=("bin",)),
    _continued("roberta-mixed-errors", _ROBERTA, "errors"),
    _continued("distilbert-docs-parameters", _DISTILBERT, "parameters"),
    _CHARBERT_DOCS,
    _continued("charbert-docs-objects", _CHARBERT_DOCS, "objects"),
    _ALBERT_CODE,
    _continued("albert-code-statements", _ALBERT_CODE, "statements"),
    _masked("roberta-noise", "roberta", "bpe", "noise", steps=150),
    Checkpoint(
        "distilbert-shuffled",
        "text-classification",
        "distilbert",
        "shuffled",
        steps=300,
        tokenizer="wordpiece",
    ),
    _masked("bert-untrained", "bert", "wordpiece", "docs", steps=12),
    _VIT_GLYPHS,
    _continued("vit-glyphs-digits", _VIT_GLYPHS, "digits", steps=500),
    _continued("vit-glyphs-shapes", _VIT_GLYPHS, "shapes", steps=500),
    _image("vit-rotations", "vit", "rotations", 800, headless=True),
    _image("deit-textures", "deit", "textures", 700),
    _image("deit-shapes", "deit", "shapes", 800),
    _image("beit-digits", "beit", "digits", 800),
    _CONVNEXT,
    _continued("convnext-glyphs-corruptions", _CONVNEXT, "corruptions", steps=400),
    _image("resnet-digits", "resnet", "digits", 500),
    _image("resnet-shapes", "resnet", "shapes", 600),
    _image("deit-glyphs", "deit", "glyphs", 800),
    _image("beit-corruptions", "beit", "corruptions", 600),
    _image("convnext-digits", "convnext", "digits", 500),
    _image("resnet-rotations", "resnet", "rotations", 500),
    _image("resnet-textures", "resnet", "textures", 500),
    _image("vit-noise", "vit", "noise", 250),
    _image("resnet-untrained", "resnet", "glyphs", 8, formats=("bin",)),
)

# What `hubselect demo` shows, a part of the zoo: models, benchmark datasets, the one model added later, and
# the target dataset that the registry has never seen. All are repository names (`OWNER/...`).
DEMO_MODELS: dict[Task, tuple[str, ...]] = {
    "text-classification": (
        "bert-docs",
        "bert-docs-packages",
        "bert-docs-sections",
        "bert-code",
        "bert-code-depth",
        "roberta-mixed",
        "roberta-mixed-packages",
        "roberta-mixed-prose",
        "distilbert-docs",
        "albert-docs-packages",
        "charbert-code",
        "roberta-noise",
        "distilbert-shuffled",
    ),
    "image-classification": (
        "vit-glyphs",
        "vit-glyphs-digits",
        "deit-textures",
        "deit-shapes",
        "beit-digits",
        "convnext-glyphs",
        "convnext-glyphs-corruptions",
        "resnet-digits",
        "resnet-shapes",
        "vit-noise",
    ),
}
DEMO_LATECOMER: dict[Task, str] = {
    "text-classification": "bert-docs-parameters",
    "image-classification": "vit-glyphs-shapes",
}
DEMO_BENCHMARKS: dict[Task, tuple[str, ...]] = {
    "text-classification": ("package-docs", "snippet-kinds", "indent-steps", "unicode-names", "object-kinds"),
    "image-classification": ("digits", "glyph-letters", "photo-corruptions", "gratings", "digits-rotated"),
}
DEMO_TARGET: dict[Task, str] = {
    "text-classification": "parameter-types",
    "image-classification": "digits-colored",
}


def demo_repos(task: Task) -> tuple[str, ...]:
    """The names of all repositories that the demo of `task` needs."""
    return (*DEMO_MODELS[task], DEMO_LATECOMER[task], *DEMO_BENCHMARKS[task], DEMO_TARGET[task])


def checkpoint(name: str) -> Checkpoint:
    """Raises UnknownEntry."""
    found = next((c for c in CHECKPOINTS if c.name == name), None)
    if found is None:
        raise UnknownEntry(
            f"The zoo has no checkpoint {name}",
            "see hubselect.demo.zoo.checkpoints.CHECKPOINTS for its names",
        )
    return found


def with_parents(names: Iterable[str] | None) -> list[Checkpoint]:
    """The named checkpoints (all when None) and everything they continue from, parents first."""
    wanted: set[str] = set()
    for name in names if names is not None else [c.name for c in CHECKPOINTS]:
        current: Checkpoint | None = checkpoint(name)
        while current is not None:
            wanted.add(current.name)
            current = checkpoint(current.parent) if current.parent else None
    return [c for c in CHECKPOINTS if c.name in wanted]
