"""Detectors of the question: do the suspect's weights come from a base's?"""
