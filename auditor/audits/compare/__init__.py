"""Several models side by side: who answers like whom, as a matrix and a tree. Likeness only: no
model is judged here."""
