"""Pages are followed as they are written: what is a command, what is output, what a shell remembers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.pages import Reader, Step, invented, steps

PAGE = """
```text
$ not a step
```

```console
$ echo one \\
    two
one two
$ true
```

```python
print("three")
```

```text
three
```
"""


def test_commands_code_and_what_is_shown_are_told_apart() -> None:
    found = list(steps(PAGE))
    assert [s.code for s in found] == [False, False, True]
    assert [s.body for s in found] == ["echo one \\\n    two", "true", 'print("three")\n']
    assert [s.shown for s in found] == ["one two\n", "", "three\n"]


def test_output_before_any_command_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="before any command"):
        list(steps("```console\nhello\n```\n"))


def test_what_is_exported_stays_and_what_ends_with_an_ampersand_runs(tmp_path: Path) -> None:
    code = 'import time; print("ready", flush=True); time.sleep(60)'
    with Reader(tmp_path, os.environ) as reader:
        reader.follow(Step('export GREETING="hello $((1 + 1))" PLACE="$PWD"'))
        assert reader.follow(Step("echo $GREETING $PLACE")).split() == ["hello", "2", str(tmp_path)]
        assert reader.follow(Step('import os; print(os.environ["GREETING"])', code=True)) == "hello 2\n"
        assert reader.follow(Step(f"{sys.executable} -c '{code}' &")) == "ready\n"


def test_a_command_that_fails_is_told_with_what_it_printed(tmp_path: Path) -> None:
    with Reader(tmp_path, os.environ) as reader, pytest.raises(AssertionError, match="no such thing"):
        reader.follow(Step("echo no such thing; exit 3"))


def test_words_that_were_never_printed_are_found_and_numbers_may_differ() -> None:
    step = Step("x", "org/bert   0.81  3 models  saved in ...\n")
    assert invented(step, "org/bert 0.79\n4 models\nsaved in /tmp/x") == []
    assert invented(step, "org/gpt 0.79\n4 models") == ["org/bert", "saved"]
