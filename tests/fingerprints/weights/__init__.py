"""Tests of the view of weights."""
