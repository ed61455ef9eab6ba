"""Detectors of the question: was the suspect trained on the candidate's answers?"""
