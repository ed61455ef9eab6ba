"""The reference distillation pipeline: control models of known history, trained here."""
