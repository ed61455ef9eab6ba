"""Bulk programmatic generation in an API's logs: which accounts and clusters of accounts, against
benign traffic. No intent is claimed."""
