"""How people call the columns of datasets: names in lower case, the likeliest first."""

from __future__ import annotations

LABEL_NAMES = (
    "label",
    "labels",
    "target",
    "class",
    "category",
    "sentiment",
    "intent",
    "emotion",
    "topic",
    "y",
    "gold_label",
    "score",
    "rating",
    "stars",
)
TEXT_PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "answer"),
    ("query", "passage"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("claim", "evidence"),
)
TEXT_NAMES = ("text", "sentence", "content", "review", "tweet", "comment", "utterance", "document", "body")
NOT_TEXT = frozenset(("id", "idx", "index", "guid", "uid", "uuid", "url", "file_name", "filename", "path"))

WORD_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "label", "pos_tags")

CHOICES = (
    tuple(f"choice{i}" for i in range(1, 11)),
    tuple(f"choice_{i}" for i in range(1, 11)),
    tuple(f"option{i}" for i in range(1, 11)),
    tuple(f"option_{i}" for i in range(1, 11)),
    tuple(f"ending{i}" for i in range(10)),
    tuple(f"answer{i}" for i in range(10)),
    ("sol1", "sol2"),
)
"""Families of columns with an option each."""

CHOICE_LISTS = ("choices", "options", "endings", "answers")

CONTEXTS = (
    ("premise", "question"),
    ("sent1", "sent2"),
    ("context", "question"),
    ("article", "question"),
    ("premise",),
    ("context",),
    ("question",),
    ("goal",),
    ("sentence",),
    ("ctx",),
)
"""What options follow."""
