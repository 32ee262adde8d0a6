"""The model card: complete, true to the records, read by the Hub's own client, and harmless."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hubselect.hub.model_cards import card_content, eval_results_content
from hubselect.records import Dataset, Environment, Model, Recalled, Verdict
from hubselect.reports.card_metadata import Chosen, card_metadata, eval_results, hub_metric
from hubselect.reports.model_card import MARKS, model_card
from hubselect.reports.public import markdown, public_text, table
from hubselect.training.metrics import METRICS
from tests.support.winners import FOUND, RECIPE, TARGET, WINNER

CHOSEN = Chosen(
    selection=FOUND,
    dataset=TARGET,
    recipe=RECIPE,
    base=WINNER,
    labels=("negative", "positive"),
    scored_on="validation split",
    scored=32,
    repo_id="me/my_model",
    endpoint="https://hub.example",
    version="1.2.3",
)
HOSTILE = (
    "<script>alert(1)</script>", "a | b | c", "x\n\n# New heading\n\n| q |", "![x](https://evil/y.png)",
    "[click](javascript:x)", "`code` **bold** _it_ $$math$$", "--- \n---\n<!-- hubselect: end -->",
    "\u202eright to left\u0000\ud800", "https://evil.example www.evil.example", "&lt;b&gt; \\| \\",
)  # fmt: skip


class Page(HTMLParser):
    """The cells of all tables by row, every address that is linked to, and all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._inside = False
        self.feed(MarkdownIt("commonmark").enable("table").render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def parsed(chosen: Chosen) -> ModelCard:
    return ModelCard(card_content(card_metadata(chosen), model_card(chosen)))


def test_the_card_tells_every_candidate_and_where_it_left() -> None:
    """One row a recalled model, in order, with its scores and the reason; the winner is marked."""
    rows = [row for row in Page(model_card(CHOSEN)).rows if row[0].isdigit()]
    assert [row[1] for row in rows] == ["org/second", "org/first", "org/third", "org/fourth"]
    second, first, third, fourth = rows
    assert second[2:] == [
        "0.6100", "0.7500 (0.700 to 0.800)", "1", "0.6200", "0.6500",
        "left at stage 1: predicted 0.1 behind org/first: not worth its epochs",
    ]  # fmt: skip
    assert first[4:6] == ["2", "0.7812"]
    assert first[-1].startswith("the winner")
    assert third[-1] == "left at stage 1: failed: no such file (a local path)"
    assert fourth[4:] == ["0", "-", "-", "not started: recall expects it 0.2 behind org/first"]


def test_the_card_tells_costs_scores_recipe_and_warnings() -> None:
    """Counted alternatives beside what was spent, both scores, the pinned base and dataset, all caps."""
    page = Page(model_card(CHOSEN))
    cells = {row[0]: row[1:] for row in page.rows}
    assert cells["test"] == ["0.8125"]
    assert cells["this selection (0.50 of them recall)"] == ["4.50"]
    assert cells["brute force: all 12 candidates to the end"] == ["24"]
    assert cells["successive halving over 12 candidates"] == ["15"]
    assert cells["base model"] == [f"org/first at {'a' * 12}"]
    assert cells["dataset"] == [f"org/target (en) at {'d' * 12}"]
    assert cells["evaluation examples"] == ["at most 32"]
    assert cells["trained on"] == ["CPU, of some kind"]
    assert cells["trained with"] == ["hubselect 1.2.3, torch 2.9.0+cpu, Python 3.11.9"]
    text = model_card(CHOSEN)
    assert "2 of 32 test examples also stand in the train part" in text
    assert "32 examples that were not trained on (validation split)" in text
    assert "7% that another recalled model would have been better" in text
    assert set(page.links) <= {
        f"https://hub.example/{m.model}" for m in FOUND.recalled
    } | {"https://hub.example/datasets/org/target"}  # fmt: skip
    assert text.startswith(MARKS[0])
    assert text.rstrip().endswith(MARKS[1])


def test_the_client_reads_the_metadata_back() -> None:
    """`ModelCard` gives the same facts, the test score unrounded among its results."""
    data = parsed(CHOSEN).data
    assert (data.base_model, data.datasets, data.license) == ("org/first", ["org/target"], "apache-2.0")
    assert (data.pipeline_tag, data.library_name) == ("text-classification", "transformers")
    assert (data.tags, data.metrics) == (["hubselect", "generated"], ["accuracy"])
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.8125)
    assert (result.dataset_type, result.dataset_config) == ("org/target", "en")
    assert (result.dataset_split, result.dataset_revision) == ("validation", "d" * 40)
    assert data.model_name == "my_model"


def test_the_client_reads_the_results_file_back() -> None:
    from huggingface_hub import parse_eval_result_entries

    (entry,) = parse_eval_result_entries(yaml.safe_load(eval_results_content(eval_results(CHOSEN))))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("org/target", "en", 0.8125)
    assert entry.dataset_revision == "d" * 40
    assert entry.notes == (
        "Accuracy of 32 examples (validation split), fine-tuned and scored by hubselect 1.2.3"
    )


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_name_on_the_hub(metric: str) -> None:
    """It comes back through the client, with what distinguishes it from its kin."""
    chosen = replace(CHOSEN, selection=replace(FOUND, metric=metric))
    (result,) = parsed(chosen).data.eval_results
    assert result.metric_type == hub_metric(metric).type
    if metric.startswith("f1_"):
        assert result.metric_args == {"average": metric.removeprefix("f1_")}


def test_what_is_not_known_is_not_claimed() -> None:
    """No licence, no test score, no origin, no explanation: fewer words, still a card."""
    base = replace(WINNER, license=None)
    bare = replace(FOUND, test_score=None, explanation=None, warnings=(), environments=())
    chosen = replace(CHOSEN, selection=bare, base=base, scored_on="", scored=None, labels=())
    card = parsed(chosen)
    assert (card.data.license, card.data.eval_results) == (None, None)
    assert eval_results(chosen) == []
    assert "names no licence" in card.text
    assert "brute force" not in card.text
    assert "## Warnings" not in card.text
    assert "trained with" not in card.text
    odd = parsed(replace(chosen, base=replace(WINNER, license="<b>mine</b>")))
    assert odd.data.license is None
    assert "no licence that the Hub knows" in odd.text
    carved = card_metadata(replace(CHOSEN, scored_on="carved from train"))
    assert "split" not in carved["model-index"][0]["results"][0]["dataset"]
    other = card_metadata(replace(CHOSEN, base=replace(WINNER, license="other")))
    assert other["license_link"] == "https://hub.example/org/first"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_reasons_stay_text(text: str) -> None:
    """In every place where the Hub's words stand: no HTML, no links, no further cells or headings."""
    history = (Verdict(1, 1.0, text, 0.5, None, False, text), *FOUND.history)
    selection = replace(
        FOUND, recalled=(Recalled(text, 0.1, 0.1, None, None), *FOUND.recalled), history=history,
        warnings=(text,), dataset=text, policy=text, proxy=text,
        environments=(Environment(text, {text: text}, (FOUND.model_id,)),),
    )  # fmt: skip
    chosen = replace(
        CHOSEN, selection=selection, labels=(text,), scored_on=text,
        base=Model(text, "text-classification", license=text, revision=text),
        dataset=Dataset(text, "text-classification", config=text, label_column=text, text_columns=(text,),
                        license=text),
    )  # fmt: skip
    page, card = Page(model_card(chosen)), parsed(chosen)
    assert card.content.encode("utf-8")
    honest = Page(model_card(CHOSEN))
    assert page.tags <= honest.tags
    assert set(page.links) <= set(honest.links)
    assert {len(row) for row in page.rows} == {len(row) for row in honest.rows}
    assert model_card(chosen).count(MARKS[1]) == 1
    assert (card.data.base_model, card.data.datasets, card.data.license) == (None, None, None)
    assert eval_results(chosen) == []


@given(st.text(max_size=200))
def test_a_cell_shows_exactly_its_text(text: str) -> None:
    """Whatever the text is: a table of two columns keeps two, and the reader sees the words."""
    rows = Page(table(("a", "b"), [[markdown(text), "last"]])).rows
    assert len(rows) == 2
    cell, last = rows[1]
    assert last == "last"
    shown = "".join(c if c.isprintable() else " " for c in public_text(text))
    assert "".join(cell.split()) == "".join(shown.split())


def test_paths_and_logins_of_this_machine_are_cut_out() -> None:
    """Absolute paths, home folders, Windows paths, tokens; ids, fractions and addresses stay."""
    secret = "hf_" + "A" * 34
    for private in ("/root/x/model.bin", "~/cache", "C:\\Users\\me\\x", "file:///tmp/a", secret):
        told = public_text(f"failed: '{private}' is broken")
        assert private not in told
        assert told.startswith("failed: '")
        assert told.endswith("' is broken")
    for kept in ("org/name", "Eq. 3/4 of it", "10 / 20", "https://huggingface.co/org/name", "a and/or b"):
        assert public_text(kept) == kept


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("text-classification", {"text_columns": ("a", "b")}, '"text_pair"'),
        ("text-classification", {"problem_type": "regression"}, 'function_to_apply="none"'),
        ("text-classification", {"problem_type": "multi_label_classification"}, "top_k=None"),
        ("token-classification", {}, "AutoModelForTokenClassification"),
        ("multiple-choice", {"choice_columns": ("c1", "c2")}, "AutoModelForMultipleChoice"),
        ("image-classification", {"text_columns": (), "image_column": "image"}, "AutoImageProcessor"),
        ("audio-classification", {"text_columns": (), "audio_column": "audio"}, "AutoFeatureExtractor"),
    ],
)
def test_the_card_says_how_to_load_the_model(task: str, changes: dict[str, object], words: str) -> None:
    """Python that compiles, with the class of the task; a pipeline only where there is one."""
    chosen = replace(CHOSEN, dataset=replace(TARGET, task=task, **changes))  # type: ignore[arg-type]
    text = model_card(chosen)
    assert words in text
    blocks = text.split("```python\n")[1:]
    assert len(blocks) == (1 if task == "multiple-choice" else 2)
    for block in blocks:
        compile(block.split("```")[0], "card", "exec")
    assert parsed(chosen).data.pipeline_tag == task
