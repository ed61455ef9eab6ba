"""The space in which answers are compared, who stands where in it, and which way a suspect
moved."""
