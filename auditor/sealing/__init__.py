"""Evidence that can be checked later: digests of everything in a report's folder, signed, and
checked again offline."""
