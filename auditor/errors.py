"""The exception tree with its exit codes, as `fingerprints.errors` draws it: the lower packages
raise, this one tells."""

from fingerprints.errors import (
    AuditError,
    Incomplete,
    Locked,
    MalformedInput,
    ResourceLimit,
    StoreIntegrity,
    UnsafeInput,
    UsageProblem,
    VerificationFailed,
    missing_extra,
    printable,
)

__all__ = [
    "AuditError",
    "Incomplete",
    "Locked",
    "MalformedInput",
    "ResourceLimit",
    "StoreIntegrity",
    "UnsafeInput",
    "UsageProblem",
    "VerificationFailed",
    "missing_extra",
    "printable",
]
