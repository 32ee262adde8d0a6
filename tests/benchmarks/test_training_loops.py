"""The loops that are timed side by side train the same thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.slow
def test_without_a_gpu_the_script_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/gpu.py", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "there is no CUDA device on this machine: nothing was measured"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_loop_takes_the_same_steps_and_is_timed_for_every_epoch(tmp_path: Path) -> None:
    from benchmarks.training.loops import Bare, ours, side_by_side
    from benchmarks.training.material import make_case

    case = make_case("ViT-micro", 96, tmp_path, epochs=2, dropout=0.0)
    found = side_by_side(case, tmp_path)
    for timing in (found.ours, found.bare, found.trainer, found.our_stage, found.bare_stage):
        assert (timing.examples, timing.steps, len(timing.seconds)) == (96, 3, 2)
        assert min(timing.seconds) > 0
    training, bare = ours(case), Bare(case)
    training.advance()
    bare.network.load_state_dict({k: v.clone() for k, v in training._network.state_dict().items()})
    with torch.no_grad():
        right = sum(int((bare.network(**b).logits.argmax(-1) == y).sum()) for b, y in bare.held)
    assert right / sum(len(y) for _, y in bare.held) == training.points[-1].val
