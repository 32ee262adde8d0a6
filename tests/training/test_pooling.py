"""Pooling of hidden states against the same thing written out, state by state."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import UnsupportedModel
from hubselect.training.features import bounded_batches
from hubselect.training.pooling import Pooler, mean

EMBEDDINGS = torch.full((2, 3, 4), 1e6)  # whatever they are, they are left out


def text(cls_id: int | None) -> dict[str, torch.Tensor]:
    """Two layers of states for a text of 3 tokens and one of 2; token 9 is nowhere in the second."""
    states = [torch.arange(24.0).reshape(2, 3, 4), torch.arange(24.0, 48.0).reshape(2, 3, 4)]
    batch = {
        "input_ids": torch.tensor([[5, 9, 6], [5, 6, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]]),
    }
    output = SimpleNamespace(hidden_states=(EMBEDDINGS, *states))
    return Pooler(torch.nn.Linear(1, 1), cls_id)(output, batch)


def test_padding_and_embeddings_are_left_out() -> None:
    """The mean is over the tokens of the last state, and over layers of their means."""
    pooled = text(None)
    assert pooled["mean"].tolist() == [[28, 29, 30, 31], [38, 39, 40, 41]]
    assert pooled["layers"].tolist() == [[16, 17, 18, 19], [26, 27, 28, 29]]


def test_a_text_is_gathered_at_its_cls_token_or_at_its_end() -> None:
    """Where the CLS token is; at the last token that is no padding where there is none."""
    assert text(None)["cls"].tolist() == [[32, 33, 34, 35], [40, 41, 42, 43]]
    assert text(5)["cls"].tolist() == [[24, 25, 26, 27], [36, 37, 38, 39]]
    assert text(9)["cls"].tolist() == [[28, 29, 30, 31], [40, 41, 42, 43]]


@pytest.mark.parametrize("token", [True, False])
def test_images_are_gathered_at_their_class_token_or_averaged(token: bool) -> None:
    """A network with a class token keeps it first; one without classifies from the average."""
    network = torch.nn.Module()
    network.register_parameter("cls_token" if token else "weight", torch.nn.Parameter(torch.zeros(1)))
    state = torch.arange(12.0).reshape(1, 3, 4)
    pooled = Pooler(network, None)(SimpleNamespace(hidden_states=(state, state)), {})
    assert pooled["cls"].tolist() == ([[0, 1, 2, 3]] if token else [[4, 5, 6, 7]])


def test_stages_of_other_widths_stand_side_by_side() -> None:
    """Layers of one width are averaged, first stage first; the last state alone is the mean."""
    first, second, third = (
        torch.full((2, 3, 8, 8), 1.0),
        torch.full((2, 3, 8, 8), 3.0),
        torch.ones((2, 5, 4, 4)),
    )
    output = SimpleNamespace(hidden_states=(first * 99, first, second, third))
    pooled = Pooler(torch.nn.Linear(1, 1), None)(output, {})
    assert pooled["layers"].tolist() == [[2.0] * 3 + [1.0] * 5] * 2
    assert pooled["cls"].tolist() == pooled["mean"].tolist() == [[1.0] * 5] * 2


def test_the_depth_of_a_map_is_the_odd_side_out() -> None:
    """Maps of channels first and channels last give the same vectors."""
    state = torch.randn(2, 7, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mean(state.permute(0, 2, 3, 1), None), mean(state, None))


def test_a_model_without_states_cannot_be_used() -> None:
    """Only the last state: all layers are that one. None at all: UnsupportedModel."""
    state = torch.ones((1, 2, 3))
    pool = Pooler(torch.nn.Linear(1, 1), None)
    assert pool(SimpleNamespace(last_hidden_state=state), {})["layers"].tolist() == [[1, 1, 1]]
    with pytest.raises(UnsupportedModel):
        pool(SimpleNamespace(logits=state), {})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=80), st.integers(1, 20), st.integers(1, 600))
def test_batches_hold_every_row_once_and_stay_in_bounds(lengths: list[int], rows: int, tokens: int) -> None:
    """At most so many rows and padded tokens, unless one row alone has more; longest first."""
    table = np.array(lengths)
    batches = bounded_batches(table, rows, tokens)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(b) == 1 or (len(b) <= rows and len(b) * table[b].max() <= tokens) for b in batches)
    assert [int(n) for b in batches for n in table[b]] == sorted(lengths, reverse=True)
