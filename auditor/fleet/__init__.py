"""Many suspects by many audits: one plan that is resumed, one table, one page over all reports."""
