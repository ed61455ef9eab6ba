"""Policy audits: asked over HTTP and of tiny models, compared, told."""
