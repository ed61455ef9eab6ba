"""What training changed: questions before and after, agreement, scores by thinking time."""
