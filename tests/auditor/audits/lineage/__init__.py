"""Tests of lineage by files."""
