"""Leave-one-dataset-out replays: of whole selections over recorded curves, and of recall alone."""

from hubselect.backtest.recalls import RecallBacktest, RecallSettings, RecallTarget, backtest_recall
from hubselect.backtest.selections import PROXY_EPOCHS, Backtest, MemoryJournal, Settings, Target, backtest

__all__ = [
    "PROXY_EPOCHS",
    "Backtest",
    "MemoryJournal",
    "RecallBacktest",
    "RecallSettings",
    "RecallTarget",
    "Settings",
    "Target",
    "backtest",
    "backtest_recall",
]
