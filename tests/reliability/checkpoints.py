"""Checkpoints that nobody should trust: one maker per fault, each spoils a healthy repository.

`BAD` maps a name to the maker and to words of the reason that is expected in the registry; `HARMLESS`
holds what is to be ignored, not refused: the model trains as if it were not there.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

MARK = "hubselect-was-here"
"""What the code in a repository would write into its working folder and into its own if it ran."""

_WEIGHTS = "model.safetensors"


class Payload:
    """A pickle that writes files when it is loaded."""

    def __init__(self, places: list[Path]) -> None:
        self.places = places

    def __reduce__(self) -> tuple[Any, ...]:
        source = "".join(f"open({str(p)!r}, 'w').close();" for p in self.places)
        return exec, (source,)


def _code(mark: Path) -> str:
    """A module that writes the mark when it is imported, and offers whatever class is asked for."""
    return (
        f"open({str(mark)!r}, 'w').close()\n"
        "import transformers\n"
        "class Evil(transformers.BertForSequenceClassification): pass\n"
        "class EvilConfig(transformers.BertConfig): model_type = 'evil'\n"
        "class EvilTokenizer(transformers.PreTrainedTokenizerFast): pass\n"
    )


def change(folder: Path, name: str, **values: Any) -> None:
    """Set keys of a JSON file; None removes one."""
    content = {**json.loads((folder / name).read_text()), **values}
    (folder / name).write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def pickle_only(folder: Path, mark: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Payload([mark])}, protocol=2))
    (folder / _WEIGHTS).unlink()


def pickle_in_a_zip(folder: Path, mark: Path) -> None:
    torch.save({"weight": Payload([mark])}, folder / "pytorch_model.bin")
    (folder / _WEIGHTS).unlink()


def pickles_beside(folder: Path, mark: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "vocab.pkl", "rng_state.pth"):
        (folder / name).write_bytes(pickle.dumps(Payload([mark]), protocol=2))


def code_for_a_known_type(folder: Path, mark: Path) -> None:
    (folder / "modeling_evil.py").write_text(_code(mark))
    classes = ("AutoModel", "AutoModelForSequenceClassification", "AutoModelForMaskedLM")
    change(folder, "config.json", auto_map={
        "AutoConfig": "modeling_evil.EvilConfig", **dict.fromkeys(classes, "modeling_evil.Evil"),
    })  # fmt: skip
    change(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_evil.EvilTokenizer", None]})


def code_for_an_unknown_type(folder: Path, mark: Path) -> None:
    code_for_a_known_type(folder, mark)
    change(folder, "config.json", model_type="evil")


def code_for_the_tokenizer(folder: Path, mark: Path) -> None:
    (folder / "modeling_evil.py").write_text(_code(mark))
    change(
        folder, "tokenizer_config.json",
        tokenizer_class="EvilTokenizer", auto_map={"AutoTokenizer": ["modeling_evil.EvilTokenizer", None]},
    )  # fmt: skip
    (folder / "tokenizer.json").unlink()


def kernel(folder: Path, mark: Path) -> None:
    named = "evil/kernel"
    change(
        folder, "config.json", attn_implementation=named, _attn_implementation=named,
        _attn_implementation_internal=named, use_kernels=True, experts_implementation=named,
    )  # fmt: skip


def _filled(folder: Path, fill: Callable[[torch.Tensor], torch.Tensor]) -> None:
    weights = {name: fill(tensor).contiguous() for name, tensor in load_file(folder / _WEIGHTS).items()}
    save_file(weights, folder / _WEIGHTS, metadata={"format": "pt"})


def not_numbers(folder: Path, mark: Path) -> None:
    _filled(folder, lambda t: torch.full_like(t, float("nan")) if t.ndim > 1 else t)


def infinite(folder: Path, mark: Path) -> None:
    _filled(folder, lambda t: torch.full_like(t, float("inf")) if t.ndim > 1 else t)


def exploding(folder: Path, mark: Path) -> None:
    _filled(folder, lambda t: t * 1e30)


def constant(folder: Path, mark: Path) -> None:
    _filled(folder, torch.zeros_like)


def one_number_everywhere(folder: Path, mark: Path) -> None:
    _filled(folder, torch.ones_like)


def no_tokenizer(folder: Path, mark: Path) -> None:
    for file in (*folder.glob("tokenizer*"), *folder.glob("special*"), *folder.glob("vocab*")):
        file.unlink()


def foreign_vocabulary(folder: Path, mark: Path) -> None:
    """The tokenizer of a larger vocabulary: its ids lie beyond the embedding."""
    weights = load_file(folder / _WEIGHTS)
    name = next(n for n in weights if n.endswith("word_embeddings.weight"))
    weights[name] = weights[name][:12].contiguous()
    save_file(weights, folder / _WEIGHTS, metadata={"format": "pt"})
    change(folder, "config.json", vocab_size=12)


def smaller_embedding_than_said(folder: Path, mark: Path) -> None:
    weights = load_file(folder / _WEIGHTS)
    name = next(n for n in weights if n.endswith("word_embeddings.weight"))
    weights[name] = weights[name][:12].contiguous()
    save_file(weights, folder / _WEIGHTS, metadata={"format": "pt"})


def empty(folder: Path, mark: Path) -> None:
    (folder / _WEIGHTS).write_bytes(b"")


def empty_bin(folder: Path, mark: Path) -> None:
    (folder / _WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")


def truncated(folder: Path, mark: Path) -> None:
    file = folder / _WEIGHTS
    file.write_bytes(file.read_bytes()[:-1000])


def truncated_in_the_header(folder: Path, mark: Path) -> None:
    file = folder / _WEIGHTS
    file.write_bytes(file.read_bytes()[:100])


def header(folder: Path) -> dict[str, Any]:
    content = (folder / _WEIGHTS).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    found: dict[str, Any] = json.loads(content[8 : 8 + size])
    return found


def with_header(folder: Path, text: str, length: int | None = None) -> None:
    """The same tensors under another header; `length` is what the file claims of its header's size."""
    content = (folder / _WEIGHTS).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    data = text.encode()
    said = len(data) if length is None else length
    (folder / _WEIGHTS).write_bytes(struct.pack("<Q", said) + data + content[8 + size :])


def _reshaped(folder: Path, shape: Any) -> None:
    known = header(folder)
    name = next(n for n in known if n.endswith("word_embeddings.weight"))
    known[name]["shape"] = shape
    with_header(folder, json.dumps(known))


def huge_shape(folder: Path, mark: Path) -> None:
    _reshaped(folder, [10**12, 10**12])


def negative_shape(folder: Path, mark: Path) -> None:
    _reshaped(folder, [-32, 32])


def shape_of_words(folder: Path, mark: Path) -> None:
    _reshaped(folder, ["thirty", 32])


def shape_of_fractions(folder: Path, mark: Path) -> None:
    _reshaped(folder, [1.5, 1e308])


def offsets_from_nowhere(folder: Path, mark: Path) -> None:
    known = header(folder)
    name = next(n for n in known if n.endswith("word_embeddings.weight"))
    known[name]["data_offsets"] = [-(10**18), 10**30]
    with_header(folder, json.dumps(known))


def overlapping_tensors(folder: Path, mark: Path) -> None:
    known = header(folder)
    names = [n for n in known if n != "__metadata__"]
    last = max(names, key=lambda n: known[n]["data_offsets"][1])
    known[next(n for n in names if n != last)]["data_offsets"] = known[last]["data_offsets"]
    with_header(folder, json.dumps(known))


def endless_header(folder: Path, mark: Path) -> None:
    with_header(folder, json.dumps(header(folder)), length=2**63)


def nested_header(folder: Path, mark: Path) -> None:
    with_header(folder, "[" * 100_000 + "]" * 100_000)


def nested_config(folder: Path, mark: Path) -> None:
    (folder / "config.json").write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


def config_of_words(folder: Path, mark: Path) -> None:
    change(folder, "config.json", hidden_size="large")


def config_of_a_giant(folder: Path, mark: Path) -> None:
    """The weights are tiny, the config asks for an intermediate layer of 128 GB."""
    change(folder, "config.json", intermediate_size=10**9)


def config_of_a_tower(folder: Path, mark: Path) -> None:
    change(folder, "config.json", num_hidden_layers=10**9)


def config_of_a_crowd(folder: Path, mark: Path) -> None:
    change(folder, "config.json", num_labels=10**10, id2label=None, label2id=None)


def config_without_heads(folder: Path, mark: Path) -> None:
    change(folder, "config.json", num_attention_heads=0)


def shards_from_elsewhere(folder: Path, mark: Path) -> None:
    """An index whose shards lie outside of the repository."""
    weights = load_file(folder / _WEIGHTS)
    (folder / _WEIGHTS).rename(folder / "model-00001-of-00001.safetensors")
    index = {
        "metadata": {"total_size": 1},
        "weight_map": dict.fromkeys(weights, "../../../../evil.safetensors"),
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


Maker = Callable[[Path, Path], None]

BAD: dict[str, tuple[Maker, str]] = {
    m.__name__.replace("_", "-"): (m, words)
    for m, words in (
        (pickle_only, "is not run"),
        (pickle_in_a_zip, "is not run"),
        (code_for_an_unknown_type, "custom code"),
        (code_for_the_tokenizer, "the tokenizer of"),
        (not_numbers, "finite"),
        (infinite, "finite"),
        (exploding, "finite"),
        (constant, "do not depend on"),
        (one_number_everywhere, "do not depend on"),
        (no_tokenizer, "the tokenizer of"),
        (foreign_vocabulary, "12 tokens"),
        (smaller_embedding_than_said, "do not fit its config"),
        (empty, "not a usable safetensors file"),
        (empty_bin, "cannot be loaded"),
        (truncated, "not a usable safetensors file"),
        (truncated_in_the_header, "not a usable safetensors file"),
        (huge_shape, "not a usable safetensors file"),
        (negative_shape, "not a usable safetensors file"),
        (shape_of_words, "not a usable safetensors file"),
        (shape_of_fractions, "not a usable safetensors file"),
        (offsets_from_nowhere, "not a usable safetensors file"),
        (overlapping_tensors, "not a usable safetensors file"),
        (endless_header, "not a usable safetensors file"),
        (nested_header, "not a usable safetensors file"),
        (nested_config, "config.json"),
        (config_of_words, "cannot be loaded"),
        (config_of_a_giant, "do not fit its config"),
        (config_of_a_tower, "do not fit its config"),
        (config_of_a_crowd, "do not fit its config"),
        (config_without_heads, "cannot be loaded"),
        (shards_from_elsewhere, "names a foreign file"),
    )
}
HARMLESS: dict[str, Maker] = {
    m.__name__.replace("_", "-"): m for m in (pickles_beside, code_for_a_known_type, kernel)
}
