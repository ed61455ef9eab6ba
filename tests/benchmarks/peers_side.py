"""Runs two published packages on answers given as JSON on stdin, by an interpreter of their own;
results as JSON on stdout.

Needs ``knowlyr-modelaudit`` and ``lmscan`` and nothing of this project. Calls their own functions;
of knowlyr's audit only the asking of an endpoint is replaced by the given answers, and each model's
signature is computed once instead of once a pair.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import cache
from importlib.metadata import version
from typing import Any


def named(texts: list[str]) -> dict[str, Any]:
    """The source that either package names for each text, and the seconds that it took."""
    from lmscan.fingerprint import fingerprint
    from modelaudit.engine import AuditEngine

    start = time.perf_counter()
    knowlyr = [found.predicted_model for found in AuditEngine(use_cache=False).detect(texts)]
    between = time.perf_counter()
    lmscan = [found[0].model if (found := fingerprint(text)) else "none" for text in texts]
    return {
        "knowlyr": knowlyr,
        "lmscan": lmscan,
        "seconds": {"knowlyr": between - start, "lmscan": time.perf_counter() - between},
    }


def audited(answers: dict[str, list[str]], pairs: list[list[str]]) -> dict[str, Any]:
    """knowlyr's verdict on each (teacher, student), the votes of its two methods, and the
    seconds that it took."""
    from modelaudit.engine import AuditEngine
    from modelaudit.methods import dli, llmmap
    from modelaudit.models import Fingerprint

    start = time.perf_counter()
    vectors = {
        name: llmmap._compute_fingerprint_vector(
            [llmmap._extract_response_features(text) for text in said]
        )
        for name, said in answers.items()
    }
    signature = cache(lambda said: original(list(said)))
    original = dli._extract_behavior_signature
    dli._extract_behavior_signature = lambda said: signature(tuple(said))
    engine = AuditEngine(use_cache=False)

    def given(model: str, method: str = "llmmap", **_: Any) -> Any:
        data = {
            "vector": vectors[model],
            "hash": model,
            "num_probes": len(answers[model]),
            "raw_responses": answers[model],
        }
        return Fingerprint(model_id=model, method=method, fingerprint_type="blackbox", data=data)

    engine.fingerprint = given
    out = []
    for teacher, student in pairs:
        result = engine.audit(teacher, student)
        out.append([result.verdict, *[c.is_derived for c in result.comparisons]])
    return {"verdicts": out, "seconds": time.perf_counter() - start}


def main() -> None:
    """Reads one task and writes its result."""
    logging.disable(logging.WARNING)
    task = json.load(sys.stdin)
    result = (
        named(task["texts"]) if task["kind"] == "named" else audited(task["answers"], task["pairs"])
    )
    result["versions"] = {name: version(name) for name in ("knowlyr-modelaudit", "lmscan")}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
