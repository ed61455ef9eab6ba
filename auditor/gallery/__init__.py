"""A local, read-only page over many reports: found on disk, made anew from their records, told."""
