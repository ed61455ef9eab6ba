"""The kinds of services that can be asked: one file each says how a question is sent there and how
the answer reads. None of them sends anything."""
