"""Four impressions, one of them normal, for tests of whatever reads reports."""

NORMAL = "No acute cardiopulmonary abnormality."
REPORTS = [
    NORMAL,
    "Left pleural effusion with atelectasis of the left base.",
    "Stable cardiomegaly without pulmonary edema.",
    "Hyperexpanded lungs. No focal consolidation.",
]
