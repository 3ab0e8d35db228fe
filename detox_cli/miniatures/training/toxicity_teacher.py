"""The teacher of `builtin:toxicity`: logistic regression over word and character n-grams."""

import random
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from detox_cli.miniatures.training.corpora import Labelled

LONGEST = 2000
SOURCE_WEIGHT = {
    "jigsaw-train": 1.5,
    "paradetox": 1.5,
    "civil": 0.7,
    "civil-spans": 0.7,
    "davidson": 0.4,
    "toxigen": 0.6,
    "prose": 0.5,
}


class Teacher:
    """Models fitted on folds of the gold data, so that each gold text also has a score that never saw it."""

    def __init__(self, gold: Sequence[Labelled], folds: int, seed: int) -> None:
        self.features = FeatureUnion(
            [
                (
                    "words",
                    TfidfVectorizer(
                        ngram_range=(1, 2),
                        min_df=3,
                        sublinear_tf=True,
                        token_pattern=r"[^\s.,;:\"()]+",
                        max_features=150_000,
                    ),
                ),
                (
                    "characters",
                    TfidfVectorizer(
                        analyzer="char_wb",
                        ngram_range=(2, 5),
                        min_df=5,
                        sublinear_tf=True,
                        max_features=150_000,
                    ),
                ),
            ]
        )
        matrix = sparse.csr_matrix(self.features.fit_transform([item.text[:LONGEST] for item in gold]))
        toxic = np.array([item.toxic for item in gold])
        weight = np.abs(toxic - 0.5) * 2 * np.array([SOURCE_WEIGHT.get(item.source, 1.0) for item in gold])
        fold = np.array([random.Random(f"{seed}|{item.text}").randrange(folds) for item in gold])
        self.models = []
        self.unseen = np.zeros(len(gold))
        for k in range(folds):
            fitted = np.flatnonzero((fold != k) & (weight > 0.1))
            model = LogisticRegression(C=3, solver="liblinear", random_state=seed)
            model.fit(matrix[fitted], toxic[fitted] > 0.5, sample_weight=weight[fitted])
            self.unseen[fold == k] = model.predict_proba(matrix[fold == k])[:, 1]
            self.models.append(model)

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of being toxic (n,) of texts outside the gold data, mean over the folds' models."""
        matrix = self.features.transform([text[:LONGEST] for text in texts])
        return np.mean([model.predict_proba(matrix)[:, 1] for model in self.models], axis=0)
