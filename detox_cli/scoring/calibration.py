"""Calibrated scorers: a rising map from scores to the share of texts that people call toxic."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.scoring.combined import CombinedScorer, Floats
from detox_cli.scoring.labels import OPPOSITES
from detox_cli.scoring.protocol import TextScorer
from detox_cli.statistics.isotonic import RisingMap

FORMAT = "detox.calibration/1"
FILE = "calibration.json"
ALL = "all"
"""The name of the map that all languages together give."""


@dataclass(frozen=True)
class Evidence:
    """What labels in one language give: the map, the threshold, and on how many texts they rest.

    Attributes:
        curve: P(toxic) of a score, which is turned round first where the class means the opposite.
        threshold: From which P(toxic) on a text counts as toxic.
        texts: How many labelled texts.
        toxic: How many of them are toxic.
    """

    curve: RisingMap
    threshold: float
    texts: int
    toxic: int


@dataclass(frozen=True)
class Calibration:
    """What ``detox eval calibrate`` keeps.

    Attributes:
        scorer: The name of the scorer.
        identity: What it was when it was calibrated.
        maps: By language; ``all`` is that of all texts.
    """

    scorer: str
    identity: str
    maps: Mapping[str, Evidence]

    @property
    def languages(self) -> frozenset[str]:
        """The languages with evidence of their own."""
        return frozenset(self.maps) - {ALL}

    def to_json(self) -> str:
        """The file's content."""
        maps = {
            lang: {
                "texts": one.texts,
                "toxic": one.toxic,
                "threshold": one.threshold,
                "score": one.curve.x.tolist(),
                "probability": one.curve.y.tolist(),
            }
            for lang, one in self.maps.items()
        }
        document = {"format": FORMAT, "scorer": self.scorer, "identity": self.identity, "maps": maps}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True)
class CalibratedScorer(CombinedScorer):
    """P(toxic) by a scorer and a map of one language, or of all."""

    parts: tuple[TextScorer, ...]
    evidence: Evidence
    lang: str
    meaning: str = "toxic"

    @property
    def threshold(self) -> float:
        """From which probability on a text counts as toxic."""
        return self.evidence.threshold

    @property
    def identity(self) -> str:
        """The scorer's identity, the language and the map's content."""
        curve = np.concatenate([self.evidence.curve.x, self.evidence.curve.y, [self.threshold]])
        digest = hashlib.sha256(curve.tobytes()).hexdigest()[:16]
        return f"calibrated {self.parts[0].identity} for {self.lang} by {digest}"

    def combine(self, scores: Floats) -> Floats:
        """P(toxic) [texts] of the scorer's [1, texts]."""
        return self.evidence.curve(toxic_scores(self.parts[0], scores[0]))


def toxic_scores(scorer: TextScorer, scores: Floats) -> Floats:
    """Scores that are higher for toxic texts: turned round if the scorer's class means the opposite.

    Raises:
        BadSettings: Its class means neither.
    """
    if scorer.meaning not in ("toxic", OPPOSITES["toxic"]):
        raise BadSettings(
            f"nothing says whether class '{scorer.meaning}' means toxic or neutral",
            hint=f"say it: hf:MODEL#toxic={scorer.meaning}, or neutral={scorer.meaning}",
        )
    return scores if scorer.meaning == "toxic" else 1 - scores


def calibration_file(target: str | Path) -> Path:
    """The file that a name means: itself, or the one in a folder of ``detox eval calibrate``."""
    path = Path(target).expanduser()
    return path / FILE if path.is_dir() else path


def read_calibration(target: str | Path) -> Calibration:
    """Read a calibration.

    Raises:
        Missing: There is no such file. BadData: It is none of ours, or damaged.
    """
    path = calibration_file(target)
    if not path.is_file():
        raise Missing(
            f"no calibration at {path}", hint="make one: detox eval calibrate SCORER --labels FILE -o FOLDER"
        )
    try:
        document = parse_json(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError
        maps = {lang: _evidence(one) for lang, one in document["maps"].items()}
        return Calibration(document["scorer"], document["identity"], maps)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(
            "this is no calibration that this version can read",
            where=str(path),
            hint="make it again: detox eval calibrate",
        ) from error


def calibrated(
    calibration: Calibration, scorer: TextScorer, lang: str | None, where: str
) -> CalibratedScorer:
    """The scorer with the map of ``lang``, or that of all languages.

    Raises:
        BadData: The scorer is not the one that was calibrated.
        BadSettings: There is no evidence for this language.
    """
    if scorer.identity != calibration.identity:
        raise BadData(
            f"this calibration is of another version of {calibration.scorer}",
            where=where,
            hint="calibrate again: the map belongs to the scores it was made from",
        )
    return CalibratedScorer((scorer,), evidence_for(calibration, lang, where), lang or ALL)


def evidence_for(calibration: Calibration, lang: str | None, where: str) -> Evidence:
    """The map of ``lang``, or that of all languages. Raises ``BadSettings``: there is no such one."""
    name = lang or ALL
    if name not in calibration.maps:
        there = ", ".join(sorted(calibration.languages)) or "no language"
        raise BadSettings(
            f"{where} holds no evidence for '{name}'; it has it for {there}",
            hint=f"calibrate with labels in '{name}', or leave out #{name} for the map of all texts",
        )
    return calibration.maps[name]


def _evidence(one: Mapping[str, Any]) -> Evidence:
    x, y = (np.asarray(one[name], dtype=np.float64) for name in ("score", "probability"))
    well = x.ndim == 1 and x.shape == y.shape and len(x) and np.isfinite(x).all() and np.isfinite(y).all()
    if not well or (np.diff(x) <= 0).any() or (np.diff(y) < 0).any() or y[0] < 0 or y[-1] > 1:
        raise ValueError("not a rising map")
    return Evidence(RisingMap(x, y), float(one["threshold"]), int(one["texts"]), int(one["toxic"]))
