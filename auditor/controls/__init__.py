"""The reference distillation pipeline: control models whose history is known because they are
trained here."""
