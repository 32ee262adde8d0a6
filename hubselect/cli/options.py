"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from hubselect.cli import completion
from hubselect.cli.numbers import MOST, Finite, Whole

Function = TypeVar("Function", bound=Callable[..., Any])

TASK = click.Choice(
    [
        "text-classification",
        "token-classification",
        "multiple-choice",
        "image-classification",
        "audio-classification",
    ]
)
METRIC = click.Choice(
    [
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "f1_weighted",
        "matthews_corrcoef",
        "f1_micro",
        "f1_samples",
        "pearson",
        "spearman",
    ]
)
HTML = click.Path(dir_okay=False)
POLICY = click.Choice(["fine-selection", "successive-halving", "knowledge-gradient", "brute-force"])
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}


class Size(click.ParamType[int]):
    """A number of bytes: 500000, 800MB, 2GB, 1.5GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", str(value).strip().lower())
        if match is None or match[2] not in _UNITS:
            self.fail(f"{value!r} is not a size; write 800MB or 2GiB", param, ctx)
        return _bounded(self, float(match[1]) * _UNITS[match[2]], param, ctx)


class Count(click.ParamType[int]):
    """A number of things: 500000, 100k, 66M, 1.5B."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmbg]?)", str(value).strip().lower().replace("_", ""))
        if match is None:
            self.fail(f"{value!r} is not a number; write 100k, 66M or 1.5B", param, ctx)
        units = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
        return _bounded(self, float(match[1]) * units[match[2]], param, ctx)


def _bounded(
    kind: click.ParamType[int], number: float, param: click.Parameter | None, ctx: click.Context | None
) -> int:
    if number > MOST:
        kind.fail(f"it is too large, the most is {MOST}", param, ctx)
    return round(number)


COUNT = Count()


def only_models(told: str) -> Callable[[Function], Function]:
    """--model ID, any number of times; `told` is its help."""
    return _ids("--model", "models", completion.models, told)


def only_datasets(told: str) -> Callable[[Function], Function]:
    """--dataset ID, any number of times; `told` is its help."""
    return _ids("--dataset", "datasets", completion.datasets, told)


def _ids(
    option: str, name: str, propose: Callable[..., list[Any]], told: str
) -> Callable[[Function], Function]:
    return click.option(option, name, metavar="ID", multiple=True, shell_complete=propose, help=told)


def columns(function: Function) -> Function:
    """Which columns of a dataset hold what, when its metadata does not tell."""
    for option in (
        click.option("--label-column", metavar="L", help="Column with the label."),
        click.option("--audio-column", metavar="S", help="Column with the recording."),
        click.option("--image-column", metavar="I", help="Column with the image."),
        click.option(
            "--choice-column",
            "choice_columns",
            metavar="O",
            multiple=True,
            help="Column with an option of a multiple choice, once for each, or with lists of them.",
        ),
        click.option(
            "--text-column",
            "text_columns",
            metavar="A",
            multiple=True,
            help="Text column, or one with lists of words; twice for pairs, in this order.",
        ),
        click.option("--config", metavar="C", help="Configuration (subset) of the dataset."),
    ):
        function = option(function)
    return function


def workers(function: Function) -> Function:
    return click.option("--workers", type=Whole(1, 1024), help="Worker processes (default: as many as fit).")(
        function
    )


def executor(function: Function) -> Function:
    return click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who trains: processes on this machine, or the Ray cluster at RAY_ADDRESS (else one on this "
        "machine). Results are the same.",
    )(function)


METHODS = ("paper", "fused", "rank-average", "mean", "size", "random")


class TrainingMethod(click.Choice[str]):
    """full, lora or probe."""

    def __init__(self) -> None:
        super().__init__(["full", "lora", "probe"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in METHODS and ctx is not None and any(p.name == "recall" for p in ctx.command.params):
            self.fail(f"{value} is a way to recall models; write --recall {value}", param, ctx)
        return super().convert(value, param, ctx)


def training_method(function: Function) -> Function:
    return click.option(
        "--method",
        type=TrainingMethod(),
        help="What of a checkpoint is trained: everything, low-rank updates (LoRA), or its head alone "
        "(default: as benchmarked, else full). Each is a recipe of its own.",
    )(function)


def metric(function: Function) -> Function:
    return click.option(
        "--metric",
        type=METRIC,
        help="What scores are, where it fits the labels (default: accuracy, or f1_macro for a target of very "
        "unequal classes; f1_micro of sets of classes and of words, pearson of numbers).",
    )(function)


class AutoCount(click.ParamType[Any]):
    """A whole number from 1, or `auto`."""

    name = "integer|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if str(value).strip().lower() == "auto":
            return "auto"
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 1 <= number <= MOST:
            self.fail(f"{value!r:.40} is neither a number from 1 nor auto; write one of them", param, ctx)
        return number


def recall_with(*, auto: bool, name: str = "--method") -> Callable[[Function], Function]:
    """How models are recalled: the method, the proxies, and whose proxies are computed."""
    by_backtest = "; auto: what wins the backtest on this registry (with --proxy: paper)" if auto else ""

    def decorate(function: Function) -> Function:
        for option in (
            click.option(
                "--top",
                type=Whole(1),
                help="How many are scored at most, with --scope adaptive or top "
                "(default: 7, or a third of the candidates where that is less).",
            ),
            click.option(
                "--scope",
                type=click.Choice(["adaptive", "representatives", "top", "all"]),
                default="adaptive",
                show_default=True,
                help="Whose proxies are computed: of few, each chosen by what the ones before showed; of "
                "cluster representatives (always, for the paper's recall); of the best by mean; everybody's.",
            ),
            click.option(
                "--proxy",
                "proxies",
                metavar="NAME",
                multiple=True,
                help="Light score on the target (default: leep for the paper's recall); see "
                "`hubselect proxies`.",
            ),
            click.option(
                name,
                type=click.Choice([*(["auto"] if auto else []), *METHODS]),
                default="auto" if auto else "paper",
                show_default=True,
                help=f"How models are ranked{by_backtest}.",
            ),
        ):
            function = option(function)
        return function

    return decorate


def filters(function: Function) -> Function:
    """Which models come into question."""
    for option in (
        click.option(
            "--candidates",
            metavar="A,B,...",
            multiple=True,
            help="These models and no others; clusters are passed over.",
        ),
        click.option(
            "--exclude",
            metavar="MODEL",
            multiple=True,
            shell_complete=completion.models,
            help="Never this model; can be repeated.",
        ),
        click.option(
            "--author", "authors", metavar="NAME", multiple=True, help="Only models of this author."
        ),
        click.option(
            "--license", "licenses", metavar="L", multiple=True, help="Only models under this licence."
        ),
        click.option("--max-params", type=COUNT, metavar="N", help="Only models of at most N parameters."),
    ):
        function = option(function)
    return function


def k_option(default: int | str) -> Callable[[Function], Function]:
    """How many models to recall."""
    number = click.option(
        "-k",
        type=AutoCount(),
        default=default,
        show_default=True,
        help="How many models to recall; auto: as few as the backtest allows, 10 at most.",
    )
    tolerance = click.option(
        "--tolerance",
        type=Finite(0, 1),
        default=0.005,
        show_default=True,
        help="Smaller differences are ties; with -k auto also the mean regret accepted in the backtest.",
    )
    return lambda function: number(tolerance(function))


def budget(function: Function) -> Function:
    """What a selection may cost."""
    for option in (
        click.option(
            "--budget-seconds",
            type=Finite(0, min_open=True),
            metavar="S",
            help="Spend at most this time on recall and training, by recorded times; downloads come on top.",
        ),
        click.option(
            "--budget-epochs",
            type=Finite(0, min_open=True),
            metavar="E",
            help="Spend at most this many epochs, all models and recall together.",
        ),
    ):
        function = option(function)
    return function
