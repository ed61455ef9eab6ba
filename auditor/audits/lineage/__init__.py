"""Where do the weights come from: a suspect's weights, tokenizer and declarations against
candidate bases."""
