"""What computing proxy scores on benchmarks did, as a JSON document and for the terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.numbers import counted, size
from hubselect.reports.tables import Part

if TYPE_CHECKING:
    from hubselect.api.recall.scoring_benchmarks import ScoreReport


def score_document(report: ScoreReport) -> dict[str, Any]:
    return {**asdict(report), "proxies": list(report.proxies), "notes": list(report.notes)}


def score_text(report: ScoreReport) -> list[Part]:
    done = (
        f"{counted(report.new, 'new proxy score')} of {counted(report.models, 'model')} "
        f"on {counted(report.datasets, 'dataset')} ({', '.join(report.proxies)}); {report.known} were known; "
        f"{size(report.bytes_downloaded)} downloaded"
    )
    return [*(escape(f"note: {n}") for n in report.notes), done]
