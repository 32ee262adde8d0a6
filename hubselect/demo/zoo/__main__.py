"""`python -m hubselect.demo.zoo write ROOT` and `python -m hubselect.demo.zoo pretrain [NAME...]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from hubselect.errors import HubselectError


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


@click.group(help="The zoo: tiny, really pre-trained checkpoints and the datasets to fine-tune them on.")
def main() -> None:
    pass


@main.command(help="Write the hub tree (models and datasets) below ROOT; what is complete there is kept.")
@click.argument("root", type=click.Path(file_okay=False, path_type=Path))
@click.option("--text/--no-text", default=True, help="Text models and datasets.")
@click.option("--images/--no-images", default=True, help="Image models and datasets.")
def write(root: Path, text: bool, images: bool) -> None:
    from hubselect.demo.zoo import write_hub

    with _progress() as progress:
        write_hub(root, text=text, images=images, progress=progress)
    click.echo(f"The zoo is in {root}")


@main.command(help="Pre-train the named checkpoints (default: all) and what they continue from.")
@click.argument("names", nargs=-1)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Default: the committed weights."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Processes at once.")
def pretrain(names: tuple[str, ...], out: Path | None, seed: int, jobs: int) -> None:
    from hubselect.demo.zoo.pretraining import WEIGHTS
    from hubselect.demo.zoo.pretraining import pretrain as make

    with _progress() as progress:
        records = make(names or None, out or WEIGHTS, seed, jobs=jobs, progress=progress)
    table = Table("checkpoint", "parameters", "reached on its source", "CPU seconds", "bytes")
    for name, record in records.items():
        reached = [f"{key} {record[key]}" for key in ("accuracy", "masked_loss") if key in record]
        row = (record["parameters"], reached[0], record["cpu_seconds"], record["bytes"])
        table.add_row(name, *map(str, row))
    Console().print(table)


if __name__ == "__main__":
    try:
        main(prog_name="python -m hubselect.demo.zoo")
    except HubselectError as error:
        if os.environ.get("HUBSELECT_DEBUG"):
            raise
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
