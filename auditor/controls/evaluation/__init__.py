"""What training changed: the same questions before and after, agreement with the teacher, and
scores by thinking time."""
