"""Templates that suspect and candidate both over-use, and where they stand in their answers.

A template is a run of four to eight parts of speech. Knows tags and texts; knows no probabilities
of authorship.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.base import Exhibit, Span, Table
from detectors.pairing import AnswerBook, ProbeAnswer
from detectors.text.ngrams import Codes, WordCodes, words_of
from detectors.text.pages import cut
from detectors.text.phrases import Phrase, PhraseBook, TokenReading
from detectors.text.tagging import tags_of

SIZES = (4, 5, 6, 7, 8)
MOST_EXHIBITS = 6
QUOTED = 1500


def tag_tokens(text: str) -> list[str]:
    """The tags of a text's first part."""
    return tags_of(words_of(cut(text)))


def _tag_codes(text: str) -> Codes:
    return _NUMBERS(tag_tokens(text))


_NUMBERS = WordCodes()
TAGS = TokenReading(tag_tokens, _tag_codes)


def template_book(texts: Sequence[Sequence[str]]) -> PhraseBook:
    """How often every stored model uses every template."""
    return PhraseBook(texts, SIZES, TAGS)


def template_places(template: tuple[str, ...], text: str) -> list[tuple[int, int]]:
    """Where a template stands in a text: (start, end) of each place, in order."""
    tokens, places, start = words_of(text), [], 0
    for token in tokens:
        start = text.index(token, start)
        places.append((start, start + len(token)))
        start += len(token)
    tags, n = tags_of(tokens), len(template)
    return [
        (places[i][0], places[i + n - 1][1])
        for i in range(len(tags) - n + 1)
        if tuple(tags[i : i + n]) == template
    ]


@dataclass(frozen=True)
class SharedTemplate:
    """Templates that both over-use, with the answers that they are shown in: ``answers`` are the
    suspect's by prompt number."""

    book: AnswerBook
    candidate: int
    answers: Mapping[int, ProbeAnswer]
    templates: Sequence[Phrase]

    def table(self) -> Table:
        """The templates, how much each over-uses them, and one of the suspect's wordings."""
        texts = [a.text for a in self.answers.values()]
        rows = []
        for t in self.templates:
            text = texts[t.suspect_answers[0]][:QUOTED]
            place = next(iter(template_places(t.words, text)), None)
            wording = " ".join(text[slice(*place)].split()) if place else ""
            z = (round(t.candidate_z, 2), round(t.suspect_z, 2))
            uses = (len(t.suspect_answers), t.candidate_count, round(t.cohort_per_model, 1))
            rows.append((" ".join(t.words), wording, *z, *uses))
        columns = ("template", "in the suspect's words", "z candidate", "z suspect")
        uses_of = ("suspect answers", "candidate uses", "uses per unrelated model")
        caption = (
            "Log-odds against unrelated models with an informative Dirichlet prior; chosen because"
            " both over-use them."
        )
        return Table(
            title="Templates that both over-use",
            columns=(*columns, *uses_of),
            rows=tuple(rows),
            caption=caption,
        )

    def exhibits(self) -> tuple[Exhibit, ...]:
        """The most telling templates in the suspect's answer and in the candidate's to the same
        prompt."""
        numbers, said = list(self.answers), self.book.answers[self.candidate]
        out: list[Exhibit] = []
        used: set[int] = set()
        for t in self.templates:
            prompts = [
                numbers[i]
                for i in t.suspect_answers
                if numbers[i] in said and numbers[i] not in used
            ]
            both = [p for p in prompts if template_places(t.words, said[p][:QUOTED])]
            if not (both or prompts) or len(out) >= MOST_EXHIBITS:
                continue
            prompt = (both or prompts)[0]
            used.add(prompt)
            out += [
                self._exhibit(t, prompt, who)
                for who in ("suspect", self.book.names[self.candidate])
            ]
        return tuple(out)

    def _exhibit(self, template: Phrase, prompt: int, source: str) -> Exhibit:
        answer = self.answers[prompt]
        text = (answer.text if source == "suspect" else self.book.answers[self.candidate][prompt])[
            :QUOTED
        ]
        spans = tuple(
            Span(start=a, end=b, why="over-used template")
            for a, b in template_places(template.words, text)
        )
        why = (
            f"{' '.join(template.words)}: in {len(template.suspect_answers)} of the suspect's"
            " answers"
        )
        return answer.shown(text, source, why, template.weight, spans)
