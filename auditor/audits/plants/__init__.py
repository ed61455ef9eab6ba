"""Was the suspect trained on what was planted in a teacher's answers: a watermark, or habits
dealt out by lot?"""
