"""A backend: a text classifier in ONNX that the operator has, as Hugging Face exports one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail.detect.second.opinion import BadAnswer
from guardrail.errors import ConfigurationError, DetectorUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import onnxruntime
    import tokenizers

    from guardrail.policy.second import OnnxModel

_MODEL, _TOKENIZER, _CONFIG = "model.onnx", "tokenizer.json", "config.json"
_MULTI = "multi_label_classification"


class OnnxText:
    """Reads a text window by window; of each label the highest score counts.

    Scores are a softmax over the logits, or a logistic function of each where the model says that
    it tells several labels or has only one. Nothing is downloaded.
    """

    def __init__(self, model: OnnxModel, labels: Sequence[str]) -> None:
        folder = Path(model.place or model.folder)
        config = _config(folder)
        self._names = _names(config, folder)
        self._several = config.get("problem_type") == _MULTI or len(self._names) == 1
        missing = sorted(set(labels) - set(self._names))
        if missing:
            raise ConfigurationError(
                f"{folder / _CONFIG} has no label {', '.join(missing)}, only: "
                f"{', '.join(self._names)}"
            )
        self._windows = model.windows
        self._tokenizer = _tokenizer(folder, model.max_tokens)
        self._session = _session(folder, model.threads)
        self._inputs = [one.name for one in self._session.get_inputs()]
        self.version = f"onnx:{_digest(folder)}"

    def scores(self, text: str) -> Mapping[str, float]:
        """The score of each label; BadAnswer where the text has too many windows."""
        first = self._tokenizer.encode(text)
        windows = [first, *first.overflowing]
        if len(windows) > self._windows:
            raise BadAnswer("the text has more windows than the policy allows")
        best = dict.fromkeys(self._names, 0.0)
        for window in windows:
            for name, score in zip(self._names, self._read(window), strict=True):
                best[name] = max(best[name], score)
        return best

    def _read(self, window: tokenizers.Encoding) -> list[float]:
        import numpy as np

        known = {
            "input_ids": window.ids,
            "attention_mask": window.attention_mask,
            "token_type_ids": window.type_ids,
        }
        feeds = {name: np.array([known[name]], np.int64) for name in self._inputs}
        logits = np.asarray(self._session.run(None, feeds)[0], np.float64)
        if logits.shape != (1, len(self._names)) or not np.isfinite(logits).all():
            raise BadAnswer("the model's output is not one finite number a label")
        found: list[float] = self._shares(logits[0]).tolist()
        return found

    def _shares(self, logits: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
        import numpy as np

        if self._several:
            return 1.0 / (1.0 + np.exp(-np.clip(logits, -700, 700)))
        odds = np.exp(logits - logits.max())
        return odds / odds.sum()


def _config(folder: Path) -> dict[str, Any]:
    try:
        read = json.loads((folder / _CONFIG).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(folder / _CONFIG, error) from None
    return read if isinstance(read, dict) else {}


def _names(config: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """The labels in the order of the model's output."""
    try:
        return tuple(str(config["id2label"][str(i)]) for i in range(len(config["id2label"])))
    except (KeyError, TypeError):
        raise ConfigurationError(f"{folder / _CONFIG} has no id2label from 0 on") from None


def _tokenizer(folder: Path, max_tokens: int) -> tokenizers.Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _missing(error) from error
    try:
        found = Tokenizer.from_file(str(folder / _TOKENIZER))
        found.enable_truncation(max_tokens, stride=max_tokens // 4)
        found.no_padding()
    except Exception as error:  # noqa: BLE001  tokenizers raises bare Exception
        raise _unreadable(folder / _TOKENIZER, error) from None
    return found


def _session(folder: Path, threads: int) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(error) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    path = str(folder / _MODEL)
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  whatever is wrong with the file
        raise _unreadable(folder / _MODEL, error) from None


def _digest(folder: Path) -> str:
    """Of all that a score depends on, weights kept beside the model included."""
    found = hashlib.sha256()
    for path in sorted({*folder.glob(f"{_MODEL}*"), folder / _TOKENIZER, folder / _CONFIG}):
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:16]


def _missing(error: ImportError) -> DetectorUnavailable:
    return DetectorUnavailable(
        f"the second stage needs {error.name}: pip install 'likeness-guardrail[second-stage]'"
    )


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"the second stage's {path} cannot be read ({type(error).__name__})")
