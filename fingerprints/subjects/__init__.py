"""Anything that can be asked: a checkpoint, a GGUF file, an endpoint, or recorded answers. The
only model-touching code."""

from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.spec import open_subject, parse_spec

__all__ = ["Subject", "SubjectSpec", "open_subject", "parse_spec"]
