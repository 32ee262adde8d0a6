"""The numbers that the paper prints, by table; the kinds are its NLP (text) and CV (image) experiments.

Source: Cui, Shi, Tao, Lu and Du, "A Two-Phase Recall-and-Select Framework for Fast Model Selection".
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = ("text", "image")
MODELS = {"text": 40, "image": 30}
EPOCHS = {"text": 5, "image": 4}
K = 10

CUTS = {"text": 0.09, "image": 0.03}
"""Distances at which the authors' published code cuts the average linkage."""

TABLE_I = {
    ("performance", "average"): {"text": 0.505, "image": 0.806},
    ("performance", "kmeans"): {"text": 0.466, "image": 0.702},
    ("card text", "average"): {"text": 0.476, "image": 0.696},
    ("card text", "kmeans"): {"text": 0.453, "image": 0.732},
}

TABLE_II = {"text": (5, 7, 5, 2, 2, 3, 4, 2), "image": (6, 2, 11, 2, 2, 2)}
"""Sizes of the non-singleton clusters, average linkage."""

TABLE_XI = {"text": (2, 5, 2, 2, 4, 2, 3, 2, 5, 4, 2), "image": (6, 2, 3, 7, 4, 2, 2)}
"""The same with k-means."""


class Group(NamedTuple):
    """Mean accuracy of the models in a kind of cluster, and on how many datasets the best is among them."""

    accuracy: float
    best: int


TABLE_III = {
    "text": {"non-singleton": Group(0.67, 22), "singleton": Group(0.61, 2)},
    "image": {"non-singleton": Group(0.84, 10), "singleton": Group(0.73, 0)},
}

THRESHOLDS = (0.0, 0.01, 0.05, 0.10)

TABLE_IV = {
    "text": {
        "MNLI": ((0.85, 14), (0.85, 14), (0.85, 15), (0.85, 16)),
        "MultiRC": ((0.63, 16), (0.63, 16), (0.63, 19), (0.63, 19)),
    },
    "image": {
        "Flowers": ((0.985, 15), (0.985, 15), (0.986, 18), (0.986, 18)),
        "X-Ray": ((0.966, 14), (0.966, 15), (0.969, 18), (0.969, 18)),
    },
}
"""Accuracy and epochs at each of THRESHOLDS, 10 models."""

BASELINES_V = {"text": {"bf": (50, 200), "sh": (19, 77)}, "image": {"bf": (40, 120), "sh": (18, 55)}}
"""Epochs of brute force and halving, with 10 models and with all."""

TABLE_V = {
    "text": {"Tweet": (14, 44), "MNLI": (14, 44), "MultiRC": (15, 46), "Boolq": (16, 48)},
    "image": {"X-Ray": (13, 38), "MedMNIST": (15, 37), "Flowers": (15, 36), "Beans": (17, 41)},
}
"""Epochs of fine selection with 10 models and with all. X-Ray's 38 is worked out from its 3.16x."""


class EndToEnd(NamedTuple):
    """Epochs, speed-ups against brute force and halving over the pool, accuracies of the three."""

    epochs: float
    bf: float
    sh: float
    accuracy_bf: float
    accuracy_sh: float
    accuracy: float


TABLE_VI = {
    "text": {
        "Tweet": EndToEnd(19, 10.53, 4.05, 0.650, 0.60, 0.650),
        "MNLI": EndToEnd(19, 10.53, 4.05, 0.850, 0.850, 0.850),
        "MultiRC": EndToEnd(20, 10.00, 3.85, 0.640, 0.630, 0.630),
        "Boolq": EndToEnd(21, 9.52, 3.67, 0.720, 0.720, 0.720),
    },
    "image": {
        "X-Ray": EndToEnd(18, 6.67, 3.06, 0.969, 0.962, 0.962),
        "MedMNIST": EndToEnd(20, 6.00, 2.75, 0.779, 0.773, 0.773),
        "Flowers": EndToEnd(20, 6.00, 2.75, 0.986, 0.986, 0.985),
        "Beans": EndToEnd(22, 5.45, 2.50, 0.968, 0.961, 0.961),
    },
}


class Case(NamedTuple):
    """The model selected, its accuracy, its place in the recall (from 0), mean accuracy of the recalled."""

    model: str
    accuracy: float
    place: int
    mean: float


TABLE_VII = {
    "MultiRC": Case("albert-base-v2", 0.630, 5, 0.574),
    "Boolq": Case("bert-base-uncased-mnli", 0.720, 0, 0.635),
    "MedMNIST": Case("vit-base-patch16-384", 0.773, 1, 0.768),
    "Flowers": Case("vit-base-patch16-224", 0.985, 9, 0.891),
}

TABLE_X = {"text": {5: 0.543, 10: 0.503, 15: 0.535}, "image": {3: 0.850, 4: 0.828, 5: 0.821}}
"""Silhouettes by the k of Eq. 1."""

RECALLED_FOR_BEST = {"Tweet": 10, "Beans": 10, "MedMNIST": 15}
"""Models to recall until the best is among them; 5 on the other five targets (Sec. V.B)."""
