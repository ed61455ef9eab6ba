"""Asks models and keeps what they answer: records, subjects, transcripts, signatures and the store
of teachers.

Nothing here judges. `detectors` measures these records and `auditor` weighs the measurements.
"""
