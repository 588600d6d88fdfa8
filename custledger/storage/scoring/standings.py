"""What the database says about fit: the score of one and of all, ranking and calibration."""

from __future__ import annotations

from custledger.storage.scoring.accounts import fit_of, history_of
from custledger.storage.scoring.ranking import RankingRow, ranking_rows
from custledger.storage.scoring.score_rows import ScoreRow, calibrated, calibration_rows, score_rows

__all__ = [
    "RankingRow",
    "ScoreRow",
    "calibrated",
    "calibration_rows",
    "fit_of",
    "history_of",
    "ranking_rows",
    "score_rows",
]
