"""From prompts to examples: who is asked, what is kept, paraphrased, reshaped, verified or
dropped, and what it cost."""
