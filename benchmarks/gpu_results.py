"""The page of what `gpu.py` measured."""

from __future__ import annotations

from typing import Any

import numpy as np


def document(found: dict[str, Any]) -> str:
    host = found["machine"]
    return "\n".join(
        [
            "# Training on a GPU",
            "",
            f"Made by `python benchmarks/gpu.py` on one {host['card']} ({host['cores']} cores of "
            f"{host['cpu']}, torch {host['torch']}, transformers {host['transformers']}). bf16 matrix "
            f"products of 8192 x 8192 run at {found['matmul_rate'] / 1e12:.0f} TFLOP/s there. One process "
            "cannot launch kernels as fast as such a card works on small batches: see the shares, and what "
            "sharing brings.",
            "",
            *_curves(found["curves"]),
            *_speeds(found["speeds"]),
            *_sharing(found["sharing"]),
        ]
    )


def _curves(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## The same training as on the CPU",
        "",
        "Mean losses of every eighth of an epoch over three epochs, without dropout, beside the CPU's in "
        "full precision: the largest and the mean difference; and of the validation accuracies, in points.",
        "",
        "| checkpoint | on the card | loss, first and last on the CPU | largest | mean | accuracy: largest "
        "| mean | last: CPU / card |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cpu = {key: np.array(values) for key, values in row["cpu"].items()}
        for kind, title in (("fp32", "fp32"), ("bf16", "bf16"), ("again", "bf16, once more")):
            card = {key: np.array(values) for key, values in row[kind].items()}
            loss, val = np.abs(card["losses"] - cpu["losses"]), 100 * np.abs(card["val"] - cpu["val"])
            lines.append(
                f"| {row['checkpoint']} | {title} | {cpu['losses'][0]:.3f}, {cpu['losses'][-1]:.3f} "
                f"| {loss.max():.4f} | {loss.mean():.4f} | {val.max():.1f} | {val.mean():.1f} "
                f"| {100 * cpu['val'][-1]:.1f} / {100 * card['val'][-1]:.1f} |"
            )
    return [*lines, ""]


def _speeds(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Examples a second",
        "",
        "Batches of 32, at most 128 tokens, images of 224 x 224; medians of epochs after the first. The bare "
        "loop's batches are made and on the card before its clock starts. Grouped: the Trainer with examples "
        "of like length together, as ours are. Share: of the rate of matrix products, operations counted as "
        "6 for a parameter and token plus attention, padding not counted.",
        "",
        "| checkpoint | parameters | tokens | ours | bare | Trainer | Trainer grouped | ours, compiled "
        "| bare, compiled | time over bare | ours / Trainer | share | compiled |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = row["rates"]
        rates = {kind: "-" if rate is None else f"{rate:,.0f}" for kind, rate in row["rates"].items()}
        share = "-" if row["share_compiled"] is None else f"{100 * row['share_compiled']:.0f} %"
        lines.append(
            f"| {row['checkpoint']} | {row['parameters'] / 1e6:.1f} M | {row['tokens']:.0f} "
            f"| {rates['ours']} | {rates['bare']} | {rates['trainer']} | {rates['trainer_grouped']} "
            f"| {rates['ours_compiled']} "
            f"| {rates['bare_compiled']} | {100 * (numbers['bare'] / numbers['ours'] - 1):+.1f} % "
            f"| {numbers['ours'] / numbers['trainer']:.2f} | {100 * row['share']:.1f} % | {share} |"
        )
    lines += [
        "",
        "| checkpoint | weights | memory of a training | a stage: validated and its state saved "
        "| of it training | bare epoch and validation |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['checkpoint']} | {row['weights_bytes'] / 1e6:.0f} MB "
            f"| {row['peak_bytes'] / 1e9:.1f} GB | {row['stage_seconds']:.2f} s "
            f"| {row['epoch_seconds']:.2f} s | {row['bare_stage_seconds']:.2f} s |"
        )
    return [*lines, ""]


def _sharing(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Several trainings on one card",
        "",
        "Whole stages (validation and saved states included) of so many worker processes, all examples "
        "together.",
        "",
        "| checkpoint | workers | examples a second | of one worker |",
        "|---|---|---|---|",
    ]
    alone = {row["checkpoint"]: row["rate"] for row in rows if row["workers"] == 1}
    for row in rows:
        share = row["rate"] / alone[row["checkpoint"]]
        lines.append(f"| {row['checkpoint']} | {row['workers']} | {row['rate']:,.0f} | {share:.2f} |")
    return [*lines, ""]
