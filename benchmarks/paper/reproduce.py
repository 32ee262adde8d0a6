"""The paper's tables and figures on the recorded zoo, the paper's numbers beside ours.

    python benchmarks/paper/reproduce.py [--output benchmarks/results]

Reads `benchmarks/quality/recording` (every checkpoint really fine-tuned on every dataset) and, for Fig. 8,
`benchmarks/paper/lower_rate`; trains nothing. Selections are replayed leave-one-dataset-out under every
recorded seed, deciding once an epoch as in the paper. Writes `paper.md`, `paper.json` and `paper/*.png`.
Takes a few minutes; nothing is timed, so the same recording gives the same files. Needs the extras `demo`
and `bench`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.paper import clusters, selections, trend_quality
from benchmarks.paper.cards import Cards, read_cards
from benchmarks.paper.figures import draw_all
from benchmarks.paper.page import page
from benchmarks.paper.replays import Replays
from benchmarks.paper.sources import Zoo, lower_rate_runs, recorded_zoos
from hubselect.errors import HubselectError
from hubselect.records import Run

RESULTS = Path(__file__).parents[1] / "results"
FIGURES = "paper"


def tables(replays: Replays, cards: Cards, slower: Sequence[Run]) -> dict[str, Any]:
    """Every table of one zoo, and the data of Figures 5 and 6."""
    zoo = replays.zoo
    table_vi = selections.table_vi(replays)
    return {
        "models": zoo.pool,
        "datasets": len(zoo.matrix.datasets),
        "seeds": list(zoo.seeds),
        "epochs": zoo.epochs,
        "I": clusters.table_i(zoo, cards),
        "II": clusters.membership(zoo, "average"),
        "III": clusters.table_iii(zoo),
        "IV": selections.table_iv(replays),
        "V": selections.table_v(replays),
        "VI": table_vi,
        "VI at the paper's size": {
            label: selections.at_papers_size(zoo, arm) for label, arm in table_vi["arms"].items()
        },
        "VII": selections.table_vii(replays),
        "X": clusters.table_x(zoo),
        "XI": clusters.membership(zoo, "kmeans"),
        "figure 5": trend_quality.figure_5(replays),
        "figure 6": trend_quality.figure_6(zoo),
        "appendix A": selections.appendix_a(replays, slower) if slower else None,
    }


def run(zoos: Sequence[Zoo], slower: Mapping[str, Sequence[Run]], figures: Path) -> dict[str, Any]:
    """All numbers by kind of zoo; the figures are written to `figures`."""
    cards = read_cards({m for zoo in zoos for m in zoo.models})
    replays = [Replays(zoo) for zoo in zoos]
    found: dict[str, Any] = {}
    for each in replays:
        print(f"{each.zoo.kind}: {len(each.zoo.runs)} runs", file=sys.stderr, flush=True)
        found[each.zoo.kind] = tables(each, cards, slower.get(each.zoo.kind, ()))
    draw_all(replays, slower, found, figures)
    described = machine("numpy", "scipy", "scikit-learn", "torch", "matplotlib")
    del described["load_average"]  # nothing here is timed
    return {"machine": described, "zoos": rounded(found)}


def rounded(value: Any) -> Any:
    """Numbers to six decimals: the last bits depend on the processor."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    try:
        result = run(recorded_zoos(), lower_rate_runs(), options.output / FIGURES)
    except HubselectError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    text = page(result, options.output / FIGURES)
    (options.output / "paper.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.output / "paper.md").write_text(text, encoding="utf-8")
    print(f"{options.output / 'paper.md'}, paper.json and {FIGURES}/*.png written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
