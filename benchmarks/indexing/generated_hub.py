"""A server of generated `/api/models` pages, in the form of the Hub's answers.

    python benchmarks/indexing/generated_hub.py MODELS [--page-size 1000]

prints its address once it answers. Entries are made when a page is asked for, from their number alone:
the same number gives the same model. Sizes and popularity are skewed as on the Hub, every tenth card
claims a result, every fiftieth entry cannot be fine-tuned.
"""

from __future__ import annotations

import argparse
import json
import random
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LICENSES = ("apache-2.0", "mit", "cc-by-4.0", "cc-by-nc-4.0", "openrail", "other")
FAMILIES = ("bert", "roberta", "distilbert", "xlm-roberta", "deberta-v2", "electra", "albert", "mpnet")
ARCHITECTURES = {
    "bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert", "xlm-roberta": "XLMRoberta",
    "deberta-v2": "DebertaV2", "electra": "Electra", "albert": "Albert", "mpnet": "MPNet",
}  # fmt: skip
FILES = (
    ".gitattributes", "README.md", "config.json", "merges.txt", "model.safetensors",
    "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "training_args.bin", "vocab.txt",
)  # fmt: skip
NEWEST = datetime(2026, 6, 1, tzinfo=UTC)


def entry(number: int) -> dict[str, Any]:
    """The model of this number; higher numbers changed earlier."""
    dice = random.Random(number)
    family = dice.choice(FAMILIES)
    author = f"user-{int(dice.paretovariate(0.6)) % 50_000}"
    license_ = dice.choices(LICENSES, (50, 25, 8, 5, 2, 10))[0]
    values = int(dice.lognormvariate(18.4, 0.9))
    tags = [
        "transformers", "safetensors", family, "text-classification", "generated_from_trainer", "en",
        f"license:{license_}", f"base_model:google/{family}-base",
        f"base_model:finetune:google/{family}-base", "text-embeddings-inference", "endpoints_compatible",
        "region:us", f"arxiv:{dice.randrange(10**4)}.00001",
    ]  # fmt: skip
    made: dict[str, Any] = {
        "_id": f"{number:024x}",
        "id": f"{author}/{family}-{dice.choice(('sentiment', 'emotion', 'topic', 'toxicity'))}-{number}",
        "sha": f"{dice.getrandbits(160):040x}",
        "lastModified": _stamp(NEWEST - timedelta(seconds=37 * number)),
        "createdAt": _stamp(NEWEST - timedelta(seconds=37 * number, days=30)),
        "downloads": int(dice.paretovariate(0.7)) - 1,
        "likes": int(dice.paretovariate(1.2)) - 1,
        "tags": tags,
        "pipeline_tag": "text-classification",
        "library_name": "transformers",
        "gated": False,
        "config": {
            "architectures": [f"{ARCHITECTURES[family]}ForSequenceClassification"],
            "model_type": family,
            "tokenizer_config": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"},
        },
        "safetensors": {"parameters": {"F32": values, "I64": 512}, "total": values + 512},
        "siblings": [{"rfilename": name} for name in FILES],
    }
    if number % 10 == 0:
        made["model-index"] = _claims(dice)
    if number % 50 == 7:
        made["siblings"] = [{"rfilename": "model.onnx"}, {"rfilename": "config.json"}]
    return made


def _claims(dice: random.Random) -> list[dict[str, Any]]:
    dataset = {"name": "glue", "type": "glue", "config": "sst2", "split": "validation", "args": "sst2"}
    metrics = [
        {"name": "Accuracy", "type": "accuracy", "value": dice.random()},
        {"name": "F1", "type": "f1", "value": dice.random()},
    ]
    task = {"name": "Text Classification", "type": "text-classification"}
    return [{"name": "output", "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def serve(models: int, page_size: int) -> ThreadingHTTPServer:
    """A server for that many models on a free port of 127.0.0.1; `serve_forever` starts it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != "/api/models":
                self.send_error(404)
                return
            asked = parse_qs(parts.query)
            start = int(asked.get("cursor", ["0"])[0])
            stop = min(models, start + min(page_size, int(asked.get("limit", ["1000"])[0])))
            body = json.dumps([entry(i) for i in range(start, stop)]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if stop < models:
                here = f"http://{self.headers['Host']}{parts.path}"
                self.send_header("Link", f'<{here}?cursor={stop}&limit={stop - start}>; rel="next"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=int)
    parser.add_argument("--page-size", type=int, default=1000)
    options = parser.parse_args()
    with serve(options.models, options.page_size) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
