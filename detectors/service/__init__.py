"""Detectors of the question: is the endpoint the model that it claims?"""
