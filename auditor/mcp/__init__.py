"""The toolkit as tools for a language model's client, by the Model Context Protocol: the same
audits and refusals, within one folder, and nothing of a suspect's words unmarked."""
