"""The shadow audit: trains students of every candidate from the suspect's base, and weighs the
suspect against them."""
