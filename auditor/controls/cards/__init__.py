"""What a control or a cohort tells of itself: the data card and its pages."""
