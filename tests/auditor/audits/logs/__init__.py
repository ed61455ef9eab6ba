"""Scans of logs: read in every form, tied beyond chance, compared with benign traffic."""
