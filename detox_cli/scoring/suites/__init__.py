"""The published suites of rewriting metrics, one file each, and ours."""

from detox_cli.scoring.suites.clef2024 import CLEF2024
from detox_cli.scoring.suites.clef2025 import CLEF2025
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.paradetox2022 import PARADETOX2022
from detox_cli.scoring.suites.pseudoparadetox import PSEUDOPARADETOX

SUITES = {suite.name: suite for suite in (DETOX, PSEUDOPARADETOX, PARADETOX2022, CLEF2024, CLEF2025)}
