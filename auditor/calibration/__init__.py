"""Error rates from models of known history: cohort → measured rows → fitted ratios →
`Calibration`, and its use on a case."""
