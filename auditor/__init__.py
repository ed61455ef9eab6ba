"""Weighs measurements and tells: the command line, the audit, the report.

Three lines do what the command line does::

    from auditor.audits.inheritance.audit import audit
    report = audit("./model.gguf", out="report/")
    print(report.answers[0].answer)
"""
