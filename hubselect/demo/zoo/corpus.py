"""Text that is always at hand: the docstrings, comments and code of installed packages.

Files, not snippets, are divided in two halves by a hash of their path: the *source* half is what the zoo's
checkpoints are pre-trained on, the *target* half is what the hub's datasets are made of, so nothing a
checkpoint has seen is ever asked of it. Everything is a pure function of the installed files.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from hubselect.errors import UnsupportedDataset

Half = Literal["source", "target"]

# How many files of each package one half may read: enough material, little time. Every package is a
# dependency of hubselect's `demo` extra (sympy and networkx come with torch).
FILES_PER_PACKAGE = {
    "stdlib": 130,
    "numpy": 130,
    "scipy": 180,
    "sklearn": 170,
    "pandas": 110,
    "networkx": 150,
    "sympy": 110,
    "torch": 110,
    "transformers": 110,
    "sqlalchemy": 90,
    "huggingface_hub": 60,
}
# What has to be the same for the same texts (and pictures) to come out.
DISTRIBUTIONS = tuple(
    {"sklearn": "scikit-learn"}.get(name, name) for name in (*FILES_PER_PACKAGE, "pillow") if name != "stdlib"
)
_SKIPPED_FOLDERS = {
    "__pycache__",
    "tests",
    "test",
    "testing",
    "site-packages",
    "idlelib",
    "lib2to3",
    "ensurepip",
}
_SMALLEST, _LARGEST = 1_500, 70_000  # bytes of a source file worth reading
_CODE_LINES_PER_FILE = 60
_PACKAGE_WORDS = re.compile(
    r"\b(numpy|np|scipy|sklearn|scikit-learn|torch|pytorch|transformers|sympy|pandas|pd|networkx|nx|sqlalchemy"
    r"|hugging ?face(?:_hub)?)\b",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of text, where it came from, and what is known about it (its `label`)."""

    package: str
    label: str
    text: str
    second: str = ""


@dataclass(slots=True)
class Corpus:
    """The snippets of one half, in a fixed order.

    `docs`: first paragraphs of docstrings, labelled module, class, method or function. `paragraphs`: other
    paragraphs of docstrings. `comments`. `code`: lines, labelled with their depth of indentation. `steps`:
    a line and the one below it, labelled back, same or deeper. `errors`: the message (text) of a raised
    exception and the condition (second) it stands under, labelled with its type. `parameters`: name (text)
    and description (second), labelled with the documented type. `sections`: lines of docstrings labelled
    with their section's title. `passages`: three code lines in a row.
    """

    docs: list[Snippet] = field(default_factory=list)
    paragraphs: list[Snippet] = field(default_factory=list)
    comments: list[Snippet] = field(default_factory=list)
    code: list[Snippet] = field(default_factory=list)
    steps: list[Snippet] = field(default_factory=list)
    errors: list[Snippet] = field(default_factory=list)
    parameters: list[Snippet] = field(default_factory=list)
    sections: list[Snippet] = field(default_factory=list)
    passages: list[Snippet] = field(default_factory=list)

    def sizes(self) -> dict[str, int]:
        return {f.name: len(getattr(self, f.name)) for f in fields(self)}


def clean(text: str) -> str:
    """One line, with the names of packages (which would give sources away) replaced by `lib`."""
    return _SPACE.sub(" ", _PACKAGE_WORDS.sub("lib", text)).strip()


def half_of(relative_path: str) -> Half:
    return "source" if _path_hash(relative_path) % 2 else "target"


def _path_hash(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16)


def package_folder(package: str) -> Path:
    """Raises UnsupportedDataset when the package is not installed."""
    if package == "stdlib":
        return Path(sysconfig.get_paths()["stdlib"])
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnsupportedDataset(
            f"The zoo's texts are made from {package}, which is not installed",
            "install the demo's dependencies: pip install 'hubselect[demo]'",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def package_files(package: str, half: Half, limit: int) -> list[Path]:
    """At most `limit` files of one half, in the order of their paths' hashes."""
    root = package_folder(package)
    chosen: list[tuple[int, str, Path]] = []
    for path in _python_files(root):
        relative = path.relative_to(root).as_posix()
        if half_of(relative) == half and _SMALLEST < path.stat().st_size < _LARGEST:
            chosen.append((_path_hash(relative), relative, path))
    chosen.sort(key=lambda item: item[:2])
    return [path for _, _, path in chosen[:limit]]


def _python_files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if entry.name not in _SKIPPED_FOLDERS and not entry.is_symlink():
                yield from _python_files(entry)
        elif entry.suffix == ".py":
            yield entry


def read_corpus(half: Half, packages: Iterable[str] | None = None) -> Corpus:
    """All snippets of one half (about eight seconds of CPU), optionally of some packages only."""
    corpus = Corpus()
    for package in packages or FILES_PER_PACKAGE:
        for path in package_files(package, half, FILES_PER_PACKAGE[package]):
            try:
                text = path.read_text(encoding="utf-8")
                tree = ast.parse(text)
            except (SyntaxError, UnicodeDecodeError, ValueError):
                continue  # templates and test inputs are not always valid Python
            _FileReader(package, text, corpus).read(tree)
    return corpus


_SECTION_TITLES = ("Parameters", "Returns", "Raises", "Notes", "See Also", "Attributes", "Examples")
_UNDERLINE = re.compile(r"^-{4,}$")
_COLON_SECTION = re.compile(r"^\s*(Args|Arguments|Returns|Raises|Example|Examples|Note|Notes|Yields):")
_PARAMETER = re.compile(r"^(\*{0,2}\w+)\s*:\s*(.+)$")
_TYPES = {
    "array": re.compile(r"^(array|ndarray|\{array|\(.*array|sparse|series|dataframe|list|sequence)"),
    "number": re.compile(r"^(int|float|scalar|number)\b"),
    "bool": re.compile(r"^bool"),
    "string": re.compile(r"^(str|\{'|string)"),
    "graph": re.compile(r"^(lib )?(graph|digraph|multigraph|node)\b"),
    "callable": re.compile(r"^(callable|function)"),
}
_LEGAL = re.compile(r"copyright|licen[sc]e|coding|spdx", re.IGNORECASE)
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module


class _FileReader:
    """Reads one file's snippets into the corpus."""

    def __init__(self, package: str, text: str, corpus: Corpus) -> None:
        self.package, self.lines, self.corpus = package, text.split("\n"), corpus
        self.docstring_lines: set[int] = set()  # 1-based

    def read(self, tree: ast.Module) -> None:
        self._scope(tree, "module")
        self._visit(tree, inside_class=False)
        self._read_lines()

    def _visit(self, node: ast.AST, inside_class: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                continue  # no docstrings or statements below an expression
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._scope(child, "method" if inside_class else "function")
            elif isinstance(child, ast.ClassDef):
                self._scope(child, "class")
            elif isinstance(child, ast.If):
                self._raised_under(child)
            self._visit(child, isinstance(child, ast.ClassDef))

    def _scope(self, node: _Scope, kind: str) -> None:
        if not node.body or not (doc := ast.get_docstring(node)):
            return
        first = node.body[0]
        self.docstring_lines.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
        paragraphs = [clean(p) for p in re.split(r"\n\s*\n", doc)]
        if len(paragraphs[0]) > 25:
            self._add(self.corpus.docs, kind, paragraphs[0])
        for paragraph in paragraphs[1:6]:
            if len(paragraph) > 40 and ">>>" not in paragraph:
                self._add(self.corpus.paragraphs, kind, paragraph)
        self._sections(doc.split("\n"))

    def _sections(self, lines: list[str]) -> None:
        title = ""
        for i, line in enumerate(lines):
            if i + 1 < len(lines) and _UNDERLINE.match(lines[i + 1].strip()):
                title = line.strip()
            elif match := _COLON_SECTION.match(line):
                title = {"Args": "Parameters", "Arguments": "Parameters"}.get(match[1], match[1])
            elif title == "Parameters" and (match := _PARAMETER.match(line)):
                self._parameter(match[1], match[2], lines[i + 1 : i + 5])
            elif title in _SECTION_TITLES and len(line.strip()) > 25 and not _PARAMETER.match(line):
                self._add(self.corpus.sections, title, clean(line))

    def _parameter(self, name: str, type_text: str, below: list[str]) -> None:
        described = []
        for line in below:
            if not line.startswith("    "):
                break
            described.append(line)
        description = clean(" ".join(described))
        kind = next((k for k, pattern in _TYPES.items() if pattern.match(type_text.lower())), None)
        if kind and len(description) > 20:
            self._add(self.corpus.parameters, kind, clean(name.replace("_", " ")), description)

    def _raised_under(self, node: ast.If) -> None:
        for child in node.body:
            if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call) and child.exc.args:
                message = _message(child.exc.args[0])
                if isinstance(child.exc.func, ast.Name) and len(message) > 15:
                    condition = clean(self.lines[node.lineno - 1])
                    self._add(self.corpus.errors, child.exc.func.id, message, condition)

    def _read_lines(self) -> None:
        kept: list[tuple[int, str]] = []  # (columns of indentation, text) of real code lines
        for number, line in enumerate(self.lines, 1):
            text = line.strip()
            if number in self.docstring_lines or not text:
                continue
            if text.startswith("#"):
                if len(text) > 22 and not _LEGAL.search(text):
                    self._add(self.corpus.comments, "comment", clean(text.lstrip("# ")))
            elif '"""' not in text and not text.startswith(("import ", "from ", "@")):
                kept.append((len(line) - len(line.lstrip()), clean(text)))
        stride = max(1, len(kept) // _CODE_LINES_PER_FILE)
        for i in range(0, len(kept) - 2, stride):
            self._code(kept[i], kept[i + 1], kept[i + 2])

    def _code(self, first: tuple[int, str], second: tuple[int, str], third: tuple[int, str]) -> None:
        step = second[0] - first[0]
        label = "same" if step == 0 else "deeper" if step > 0 else "back"
        if len(first[1]) > 4 and len(second[1]) > 4:
            self._add(self.corpus.steps, label, first[1], second[1])
        if len(first[1]) > 15:
            self._add(self.corpus.code, str(min(first[0] // 4, 4)), first[1])
        self._add(self.corpus.passages, "code", f"{first[1]} {second[1]} {third[1]}")

    def _add(self, into: list[Snippet], label: str, text: str, second: str = "") -> None:
        into.append(Snippet(self.package, label, text, second))


def _message(node: ast.expr) -> str:
    """The literal text of an exception's message; parts that are computed become X."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return clean(node.value)
    if isinstance(node, ast.JoinedStr):
        return clean("".join(str(v.value) if isinstance(v, ast.Constant) else " X " for v in node.values))
    if isinstance(node, ast.BinOp):
        return _message(node.left)
    return ""
