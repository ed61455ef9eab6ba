"""What an audit found, as records; how strong it is, in numbers and words. Knows no audit, no
detector and no renderer."""
