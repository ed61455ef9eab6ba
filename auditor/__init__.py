"""Weighs measurements and tells: the command line, the audit, the report.

>>> import auditor
>>> sorted(name for name in auditor.__all__)
['Plan', 'audit', 'open_subject']
"""
