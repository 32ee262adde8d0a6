"""Recall over real HTTP: methods, scopes, filters, cold start, and what is downloaded for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hubselect import Registry, coarse_recall, select
from hubselect.api.backtesting import run_backtest
from hubselect.api.progress import PLAN, Progress
from hubselect.api.recall.scoring_benchmarks import DEFAULT_PROXIES, score_benchmarks
from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput, KnowledgeMissing, RepoNotFound, UnknownEntry
from tests.support.lab import BENCHMARKS, LATECOMER, MODELS, TARGET, Lab


@pytest.fixture(scope="module")
def scored(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The laboratory's registry with proxy scores on its benchmarks."""
    place = tmp_path_factory.mktemp("scored") / "registry.db"
    shutil.copy(lab.registry, place)
    report = score_benchmarks(registry=place, workers=2)
    assert report.new == len(MODELS) * len(BENCHMARKS) * len(DEFAULT_PROXIES)
    assert not report.notes
    return place


@pytest.fixture
def copy(scored: Path, tmp_path: Path) -> Path:
    shutil.copytree(scored.parent, tmp_path / "home")
    return tmp_path / "home" / "registry.db"


class Listening:
    """Keeps what was announced before anything was fetched."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(self, event: Progress) -> None:
        if event.step == PLAN:
            self.plans.append(event.detail)


def weights_of(hub: MiniHub) -> set[str]:
    return {"/".join(path.strip("/").split("/")[:2]) for path in hub.weights_fetched()}


def test_scoring_again_computes_nothing(copy: Path, hub: MiniHub) -> None:
    """What is known stays; one dataset or model that has no results is refused."""
    report = score_benchmarks(registry=copy)
    assert (report.new, report.known) == (0, len(MODELS) * len(BENCHMARKS) * len(DEFAULT_PROXIES))
    assert not hub.weights_fetched()
    one = score_benchmarks(registry=copy, models=[MODELS[0]], proxies=["linear@mean"])
    assert (one.new, one.known, one.proxies) == (0, len(BENCHMARKS), ("linear",))
    with pytest.raises(UnknownEntry, match="no results"):
        score_benchmarks(registry=copy, models=["lab/nobody"])
    with pytest.raises(InvalidInput, match="no proxy 'magic'"):
        score_benchmarks(registry=copy, proxies=["magic"])


@pytest.mark.slow
def test_without_recorded_proxies_the_paper_s_recall_is_used_and_says_why(registry: Path) -> None:
    """Nothing can be compared, so the default stays what is proven."""
    found = coarse_recall(TARGET, registry=registry)
    assert (found.method, found.proxies) == ("paper", ("leep",))
    assert any("hubselect score" in note for note in found.notes)


@pytest.mark.slow
def test_with_recorded_proxies_the_backtest_decides(copy: Path) -> None:
    """The method with the lowest regret, named with its figures and those of the others."""
    found = coarse_recall(TARGET, registry=copy)
    report = run_backtest(registry=copy, recall_only=True)
    best = report.recall.best(("paper", "fused-representatives", "mean", "size"))
    assert best is not None
    assert found.method == best.removesuffix("-representatives")
    assert any(note.startswith(f"{best} has the lowest regret") for note in found.notes)


@pytest.mark.slow
def test_naming_one_proxy_asks_for_the_paper_s_recall(copy: Path) -> None:
    """`--proxy leep` alone is the paper's, whatever the backtest says; several are fused."""
    assert coarse_recall(TARGET, registry=copy, proxy="leep").method == "paper"
    found = coarse_recall(TARGET, registry=copy, proxies=["logme", "knn"])
    assert (found.method, found.proxies) == ("fused", ("logme", "knn"))


@pytest.mark.parametrize("method", ["mean", "size", "random"])
def test_static_lists_download_nothing(method: str, copy: Path, hub: MiniHub) -> None:
    """A baseline ranks all models without a single byte of weights."""
    found = coarse_recall(TARGET, registry=copy, method=method, k=None)
    assert sorted(r.model for r in found.recalled) == sorted(MODELS)
    assert (found.epochs, found.bytes_downloaded) == (0, 0)
    assert not hub.weights_fetched()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "count"), [("representatives", None), ("adaptive", 2), ("top", 2), ("all", len(MODELS))]
)
def test_nothing_is_fetched_but_what_was_announced(
    scope: str, count: int | None, copy: Path, hub: MiniHub, empty_cache: None
) -> None:
    """Every repository whose weights were served was named before; the second recall fetches nothing."""
    heard = Listening()
    options = {"registry": copy, "method": "fused", "scope": scope, "top": 2}
    found = coarse_recall(TARGET, **options, listener=heard)  # type: ignore[arg-type]
    announced = " ".join(heard.plans)
    served = weights_of(hub)
    assert served
    assert all(name in announced for name in served)
    if count is not None:
        assert len({s.model for s in found.scored}) == count
    assert found.bytes_downloaded > 0
    before, heard.plans = len(hub.weights_fetched()), []
    again = coarse_recall(TARGET, **options, listener=heard)  # type: ignore[arg-type]
    assert [r.model for r in again.recalled] == [r.model for r in found.recalled]
    assert (again.bytes_downloaded, again.epochs) == (0, 0)
    assert len(hub.weights_fetched()) == before
    assert heard.plans == []


@pytest.mark.slow
def test_max_download_is_never_exceeded(copy: Path, hub: MiniHub, empty_cache: None) -> None:
    """Only as many models are scored as fit."""
    with Registry.open(copy) as store:
        sizes = {m.id: m.weights_bytes or 0 for m in store.models()}
    limit = 2 * max(sizes.values())
    found = coarse_recall(TARGET, registry=copy, method="fused", scope="all", max_download=limit)
    scored = {s.model for s in found.scored}
    assert scored == weights_of(hub)
    assert 1 <= len(scored) < len(MODELS)
    assert 0 < sum(sizes[m] for m in scored) <= limit


@pytest.mark.slow
def test_the_paper_s_recall_fetches_representatives_in_every_scope(
    registry: Path, hub: MiniHub, empty_cache: None
) -> None:
    """Other proxies would be of no use to it; a list of one's own is ranked by everybody's own proxy."""
    found = coarse_recall(TARGET, registry=registry, method="paper", scope="all")
    with Registry.open(registry) as store:
        (clustering,) = store.clusterings()
    assert weights_of(hub) == {c.representative for c in clustering.clusters if c.size > 1}
    assert any("representatives and no others" in note for note in found.notes)
    found = coarse_recall(TARGET, registry=registry, method="paper", candidates=MODELS[:2])
    assert [r.representative for r in found.recalled] == [r.model for r in found.recalled]
    assert all(r.recall_score < r.prior for r in found.recalled)  # times a probability


def test_with_nothing_to_spend_the_ranking_goes_on_without_proxies(
    registry: Path, hub: MiniHub, empty_cache: None
) -> None:
    """`--max-download 0`: no weights are fetched, models are ranked by what is known."""
    none = coarse_recall(TARGET, registry=registry, method="paper", max_download=0)
    assert not hub.weights_fetched()
    assert {r.model for r in none.recalled} == set(MODELS)
    assert any("mean benchmark score alone" in n for n in none.notes)


@pytest.mark.slow
def test_filters_leave_others_out(copy: Path) -> None:
    """By id, author, licence and size; nobody left is one clear line."""
    with Registry.open(copy) as store:
        sizes = {m.id: m.parameters for m in store.models() if m.parameters is not None}
    found = coarse_recall(TARGET, registry=copy, k=None, exclude=[MODELS[0]])
    assert {r.model for r in found.recalled} == set(MODELS) - {MODELS[0]}
    middle = sorted(sizes.values())[2]
    found = coarse_recall(TARGET, registry=copy, k=None, method="mean", max_params=middle)
    assert {r.model for r in found.recalled} == {m for m, n in sizes.items() if n <= middle}
    for options in ({"authors": ["nobody"]}, {"licenses": ["mit"]}, {"max_params": 1}):
        with pytest.raises(KnowledgeMissing, match=r"no model .* meets all conditions"):
            coarse_recall(TARGET, registry=copy, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="at most 0"):
        coarse_recall(TARGET, registry=copy, max_params=0)


@pytest.mark.slow
def test_a_list_of_one_s_own_skips_the_clusters(copy: Path) -> None:
    """Every listed model is scored itself, one the registry never saw included; a wrong id is one line."""
    listed = [f"{MODELS[0]}, {LATECOMER}", MODELS[4]]
    found = coarse_recall(TARGET, registry=copy, candidates=listed)
    assert {r.model for r in found.recalled} == {MODELS[0], MODELS[4], LATECOMER}
    assert {s.model for s in found.scored} == {r.model for r in found.recalled}
    assert all(r.proxy_score is not None for r in found.recalled)
    assert next(r for r in found.recalled if r.model == LATECOMER).prior != 0.0  # NaN: no results
    with pytest.raises(RepoNotFound):
        coarse_recall(TARGET, registry=copy, candidates=["lab/no-such-model"])


def test_k_auto_recalls_as_few_as_the_backtest_allows(copy: Path) -> None:
    """The smallest K within the tolerance, and a line that says which and why."""
    report = run_backtest(registry=copy, recall_only=True)
    for tolerance in (0.0, 1.0):
        found = coarse_recall(TARGET, registry=copy, method="mean", k="auto", tolerance=tolerance)
        expected, _ = report.recall.smallest_k("mean", tolerance)
        assert len(found.recalled) == expected
        assert any(f"{expected} model" in note and "backtest" in note for note in found.notes)


@pytest.mark.slow
def test_a_registry_without_results_ranks_by_proxies(lab: Lab, tmp_path: Path, hub: MiniHub) -> None:
    """Cold: the models that were added are scored on the target; what is not known is said."""
    from hubselect import add_model

    place = tmp_path / "cold.db"
    with Registry.open(place) as store:
        add_model(MODELS[:3], registry=store, benchmark=False)
    found = coarse_recall(TARGET, registry=place)
    assert {r.model for r in found.recalled} == set(MODELS[:3])
    assert found.scored
    assert any("no text-classification results are known" in note for note in found.notes)
    assert all(r.predicted is None for r in found.recalled)


@pytest.mark.slow
def test_an_empty_registry_says_what_to_do(tmp_path: Path, hub: MiniHub) -> None:
    """No model at all: one line that names the next command, or the list of one's own."""
    place = tmp_path / "empty.db"
    Registry.open(place).close()
    with pytest.raises(KnowledgeMissing, match="knows no model") as error:
        coarse_recall(TARGET, registry=place)
    assert "--candidates" in str(error.value.hint)
    found = coarse_recall(TARGET, registry=place, candidates=[MODELS[0]])
    assert [r.model for r in found.recalled] == [MODELS[0]]


@pytest.mark.slow
def test_a_selection_can_start_cold(tmp_path: Path, hub: MiniHub) -> None:
    """With candidates of one's own and no registry to speak of, the main job works all the same."""
    place = tmp_path / "cold.db"
    Registry.open(place).close()
    found = select(
        TARGET, registry=place, candidates=list(MODELS[:2]), k=2, epochs=1, output=tmp_path / "won"
    )
    assert found.model_id in MODELS[:2]
    assert (tmp_path / "won" / "hubselect.json").is_file()
    again = select(
        TARGET, registry=place, candidates=list(MODELS[:2]), k=2, epochs=1, output=tmp_path / "won"
    )
    assert again.resumed
    assert again.id == found.id


@pytest.mark.slow
def test_a_selection_says_which_recall_it_used(copy: Path, tmp_path: Path) -> None:
    """Two methods are two requests; the recalled models carry their predictions where there are any."""
    first = select(TARGET, registry=copy, recall="mean", k=1, output=tmp_path / "a")
    second = select(TARGET, registry=copy, recall="paper", k=1, output=tmp_path / "b")
    assert first.id != second.id
    assert (first.proxy, second.proxy) == ("", "leep")
