"""Tests of how a report is arranged."""
