"""Recorded answers, whatever wrote them: files, archives and data sets become rows, and rows become
a transcript."""
