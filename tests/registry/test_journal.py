"""Selections: everything a killed one needs to go on is there, once."""

from __future__ import annotations

import pytest

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import Cost, CurvePoint, Environment, Recalled, Verdict
from hubselect.registry import Registry, SelectionRequest
from hubselect.registry.selection_documents import ENVIRONMENT, environment_event
from tests.registry.conftest import RECIPE, fill

RECALLED = (
    Recalled("org/b", 0.9, 0.8, -0.1, 4, "org/a", "features"),
    Recalled("org/a", 0.1, 0.7, None, None),
)


@pytest.fixture
def request_(registry: Registry) -> SelectionRequest:
    """A request on a filled registry."""
    fill(registry)
    return SelectionRequest("org/d:c", RECIPE.digest, "brute-force", "leep", 2, {"epochs": 3})


def test_a_request_is_identified_by_its_content() -> None:
    """Equal requests have equal digests; options change them; a given digest is kept."""
    one = SelectionRequest("d", "r", "p", "leep", 2, {"a": 1, "b": 2})
    assert one.request_digest == SelectionRequest("d", "r", "p", "leep", 2, {"b": 2, "a": 1}).request_digest
    assert one.request_digest != SelectionRequest("d", "r", "p", "leep", 2, {"a": 1}).request_digest
    assert SelectionRequest("d", "r", "p", "leep", 2, {}, "mine").request_digest == "mine"


def test_a_finished_selection_is_read_back_whole(registry: Registry) -> None:
    """Winner, scores, ranked recall, verdicts and cost."""
    selection = registry.selection(fill(registry))
    assert (selection.model_id, selection.val_score, selection.test_score) == ("org/a", 0.61, 0.6)
    assert [r.model for r in selection.recalled] == ["org/a", "org/b"]
    assert [(v.stage, v.model, v.kept) for v in selection.history] == [
        (1, "org/a", True),
        (1, "org/b", False),
    ]
    assert selection.cost == Cost(3.0, 0.1, 7.5, 150)
    assert (selection.dataset, selection.policy, selection.path) == (
        "org/target",
        "fine-selection",
        "/somewhere/out",
    )
    (summary,) = registry.selections()
    assert (summary.status, summary.model, summary.k, summary.dataset) == ("done", "org/a", 2, "org/target")


def test_an_open_selection_is_found_by_its_request(registry: Registry, request_: SelectionRequest) -> None:
    """The latest running one, with all that was recorded so far."""
    digest = request_.request_digest
    assert registry.open_selection(digest) is None
    first, second = registry.create_selection(request_), registry.create_selection(request_)
    registry.record_recall(second, RECALLED, {"trends": {"org/a": [0.5]}}, 0.25, 10, "k7")
    record = registry.open_selection(digest)
    assert record is not None
    assert (record.id, record.request, record.recalled) == (second, request_, RECALLED)
    assert (record.knowledge, record.knowledge_digest) == ({"trends": {"org/a": [0.5]}}, "k7")
    assert record.dataset_revision == "d" * 40
    registry.fail_selection(second, "every candidate failed")
    older = registry.open_selection(digest)
    assert older is not None
    assert (older.id, older.recalled) == (first, None)


def test_a_finished_selection_is_found_by_request_and_knowledge(
    registry: Registry, request_: SelectionRequest
) -> None:
    """New knowledge means a new selection."""
    digest, selection = request_.request_digest, registry.create_selection(request_)
    registry.record_recall(selection, RECALLED, {}, knowledge_digest="k1")
    assert registry.finished_selection(digest, "k1") is None
    registry.finish_selection(selection, "org/b", 0.5, None, None, Cost(2.0, 0.5, 9.0, 7))
    found = registry.finished_selection(digest, "k1")
    assert found is not None
    assert (found.winner, found.test, found.cost) == ("org/b", None, Cost(2.0, 0.5, 9.0, 7))
    assert registry.finished_selection(digest) == found
    assert registry.finished_selection(digest, "k2") is None


def test_recall_is_recorded_once(registry: Registry, request_: SelectionRequest) -> None:
    """Repeating it neither changes nor costs anything; another one is refused."""
    selection = registry.create_selection(request_)
    for _ in range(2):
        registry.record_recall(selection, RECALLED, {}, 0.5, 10, "k1")
    assert registry.selection_record(selection).cost == Cost(0.0, 0.5, 0.0, 10)
    with pytest.raises(InvalidInput, match="another recall"):
        registry.record_recall(selection, RECALLED[:1], {}, 0.5, 10, "k1")


def test_verdicts_are_recorded_once(registry: Registry, request_: SelectionRequest) -> None:
    """A verdict for a stage and model stays as it was first given, in order."""
    selection = registry.create_selection(request_)
    one, two = (Verdict(s, float(s), "org/a", 0.5, None, True, "first") for s in (1, 2))
    registry.record_verdicts(selection, [one])
    registry.record_verdicts(selection, [Verdict(1, 1.0, "org/a", 0.9, 0.9, False, "later"), two, two])
    assert registry.selection_record(selection).verdicts == (one, two)


def test_events_are_numbered_in_order(registry: Registry, request_: SelectionRequest) -> None:
    """Sequence numbers have no gaps; verdicts are events too."""
    selection = registry.create_selection(request_)
    assert registry.append_event(selection, "started", {"pid": 1}) == 1
    registry.record_verdicts(selection, [Verdict(1, 1.0, "org/a", None, None, True, "")])
    assert registry.append_event(selection, "note", {"x": [1, None, "ä"]}) == 3
    events = registry.events(selection)
    assert [(e.sequence, e.kind) for e in events] == [(1, "started"), (2, "verdict"), (3, "note")]
    assert events[2].payload == {"x": [1, None, "ä"]}


def test_what_trained_is_told_once_with_its_models(registry: Registry, request_: SelectionRequest) -> None:
    """In order; a model that went on with other libraries is named under both."""
    old = Environment("CPU, one", {"torch": "2.8.0", "Python": "3.11.9"})
    new = Environment("NVIDIA two", {"torch": "2.9.0", "Python": "3.11.9"})
    selection = registry.create_selection(request_)
    for model, trained_with in (("org/b", old), ("org/a", old), ("org/a", new), ("org/a", old)):
        registry.append_event(selection, ENVIRONMENT, environment_event(model, trained_with))
    registry.finish_selection(selection, "org/a", 0.5, 0.5, None)
    found = registry.selection(selection)
    assert [(e.device, e.versions, e.models) for e in found.environments] == [
        (old.device, old.versions, ("org/b", "org/a")),
        (new.device, new.versions, ("org/a",)),
    ]
    assert found.winner_environments == found.environments
    assert list(found.environments[0].versions) == ["torch", "Python"]
    hash(found)  # an answer may be a key


def test_nothing_is_said_of_what_an_older_hubselect_did_not_record(registry: Registry) -> None:
    assert registry.selection(fill(registry)).environments == ()


def test_cost_adds_up_over_resumes(registry: Registry, request_: SelectionRequest) -> None:
    """Seconds and bytes accumulate; training epochs are those of the recorded curves."""
    selection = registry.create_selection(request_)
    for _ in range(3):
        registry.add_cost(selection, seconds=1.5, bytes=4)
    for model, stages in (("org/a", 2), ("org/b", 1)):
        registry.start_run(model, "org/d:c", RECIPE, selection=selection)
        for stage in range(1, stages + 1):
            registry.append_point(
                CurvePoint(model, stage, float(stage), 0.5), "org/d:c", RECIPE, selection=selection
            )
    assert registry.selection_record(selection).cost == Cost(3.0, 0.0, 4.5, 12)
    registry.finish_selection(selection, "org/a", 0.5, 0.5, None)
    assert registry.selection(selection).cost == Cost(3.0, 0.0, 4.5, 12)


def test_an_ended_selection_stays_ended(registry: Registry, request_: SelectionRequest) -> None:
    """Finishing again with the same winner is nothing; anything else is refused."""
    selection, failed = registry.create_selection(request_), registry.create_selection(request_)
    for _ in range(2):
        registry.finish_selection(selection, "org/a", 0.5, 0.5, None)
    registry.fail_selection(selection, "too late")
    assert registry.selection(selection).model_id == "org/a"
    with pytest.raises(InvalidInput, match="already done"):
        registry.finish_selection(selection, "org/b", 0.5, 0.5, None)
    registry.fail_selection(failed, "all\nfailed")
    for ask in (
        lambda: registry.finish_selection(failed, "org/a", 0.5, 0.5, None),
        lambda: registry.record_recall(failed, RECALLED, {}),
        lambda: registry.selection(failed),
    ):
        with pytest.raises(InvalidInput, match="failed"):
            ask()
    assert registry.selection_record(failed).reason == "all failed"


def test_a_running_selection_has_no_answer_yet(registry: Registry, request_: SelectionRequest) -> None:
    """The error says how to go on."""
    with pytest.raises(InvalidInput, match="running") as caught:
        registry.selection(registry.create_selection(request_))
    assert caught.value.hint


def test_requests_that_cannot_be_recorded_are_refused(registry: Registry, request_: SelectionRequest) -> None:
    """k of zero, unknown datasets and recipes, options and scores that are no JSON or no number."""
    before = registry.selections()
    with pytest.raises(InvalidInput):
        registry.create_selection(SelectionRequest("org/d:c", RECIPE.digest, "p", "leep", 0))
    with pytest.raises(UnknownEntry):
        registry.create_selection(SelectionRequest("org/x", RECIPE.digest, "p", "leep", 1))
    with pytest.raises(UnknownEntry):
        registry.create_selection(SelectionRequest("org/d:c", "0" * 16, "p", "leep", 1))
    with pytest.raises(InvalidInput, match="cannot be stored"):
        registry.append_event(1, "note", {"x": object()})
    with pytest.raises(InvalidInput, match="finite"):
        registry.finish_selection(1, "org/a", float("nan"), 0.5, None)
    assert registry.selections() == before
