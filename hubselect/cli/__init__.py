"""The command line: one file per noun over the API. Holds no logic, imports nothing heavy at start.

Commands import the API inside their bodies, so `hubselect --help` needs only click.
"""

from __future__ import annotations

from importlib import import_module

import click

from hubselect import __version__

COMMANDS = {
    "add-dataset": "growing:add_dataset",
    "add-model": "growing:add_model",
    "backtest": "backtesting:backtest",
    "benchmark": "benchmarking:benchmark",
    "claims": "entries:claims",
    "cluster": "clusters:cluster",
    "clusters": "clusters:clusters",
    "completion": "completion:completion",
    "curves": "results:curves",
    "datasets": "entries:datasets",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "index": "indexing:index",
    "init": "init:init",
    "matrix": "results:matrix",
    "models": "entries:models",
    "place": "placing:place",
    "proxies": "proxies:proxies",
    "publish": "publishing:publish",
    "recall": "recalling:recall",
    "registry": "registry:registry",
    "report": "reporting:report",
    "score": "scoring:score",
    "select": "selecting:select",
    "selections": "selecting:selections",
    "suite": "suites:suite",
}


class LazyGroup(click.Group):
    """Loads a command's file when the command is looked at."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"hubselect.cli.{module}"), name)
        return command


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="hubselect")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Which Hub checkpoint should I fine-tune on my dataset?

    \b
    hubselect demo                    see it all work, on a small local Hub
    hubselect add-model ORG/NAME      teach the registry a checkpoint
    hubselect select DATASET_ID       get the best known checkpoint, fine-tuned
    """
    if ctx.invoked_subcommand is None:
        from hubselect.api.next_step import next_step

        step = next_step()
        click.echo(step.state)
        click.echo("Next:")
        for command in step.commands:
            click.echo(f"    {command}")
        click.echo("All commands: hubselect --help. Is everything in place: hubselect doctor")


def main() -> None:
    """Console entry point: runs a command and turns errors into one clear line."""
    from hubselect.cli.failures import run

    run(cli)


def extension() -> None:
    """Console entry point `hf-hubselect`, which the Hub's own program runs for `hf hubselect ...`."""
    from hubselect.cli.failures import run

    run(cli, "hf hubselect")
