"""What tells extraction of an API's answers from ordinary use: figures of accounts, links between
them, scores against benign traffic. Arrays in, arrays out."""
