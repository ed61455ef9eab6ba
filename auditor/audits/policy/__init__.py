"""What a hosted service declines that the same weights answer at home, and the reverse: asked,
compared and told."""
