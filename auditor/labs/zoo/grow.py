"""Copies with more: layers repeated, tokens added to the vocabulary.

Functions of a `Llama`, settings and a seed; one of them also extends the tokenizer's files. Knows
tensors and tokenizers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor
from transformers import AutoTokenizer

from auditor.labs.zoo.disguise import generator
from auditor.labs.zoo.llama import EMBEDDING, HEAD, Llama, with_layers
from auditor.labs.zoo.prune import Layers, named_layers
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record
from fingerprints.subjects.checkpoint import LOADING_ERRORS
from fingerprints.subjects.library import quiet


class ExtendVocabulary(Record):
    """``n`` new tokens; ``spread``: how far their rows lie from the mean row, in standard
    deviations of each column."""

    n: Annotated[int, Field(ge=1, le=100_000)] = 8
    spread: Annotated[float, Field(ge=0, le=10)] = 0.1


def repeat_layers(llama: Llama, how: Layers, seed: int) -> Llama:
    """The model with a block of layers repeated right after itself; unless they are listed, ``n``
    from the middle.

    Depth up-scaling as in SOLAR (Kim et al. 2023, arXiv 2312.15166), without the training that
    follows there. Raises UsageProblem for layers that are not there.
    """
    block = named_layers(llama, how, first=(llama.layers - how.n) // 2)
    after = block[-1] + 1
    return with_layers(llama, [*range(after), *block, *range(after, llama.layers)])


def extend_vocabulary(llama: Llama, how: ExtendVocabulary, seed: int) -> Llama:
    """The model with ``n`` more rows in embedding and output layer, near the mean of the old ones.

    The scores of the old tokens stay as they were.
    """
    random = generator(seed)
    names = [name for name in (EMBEDDING, HEAD) if name in llama.tensors]
    out = {name: _extended(llama.tensors[name], how, random) for name in names}
    return llama.changed(out, vocab_size=llama.vocabulary + how.n)


def extend_tokenizer(source: Path, folder: Path, n: int) -> None:
    """Writes the source's tokenizer into ``folder`` with ``n`` tokens more, named ``<|added_N|>``
    by their number.

    Raises MalformedInput for a tokenizer that can't be loaded or that has them already.
    """
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(source), local_files_only=True, trust_remote_code=False
            )
        except LOADING_ERRORS as error:
            raise MalformedInput(
                f"the tokenizer can't be loaded: {printable(' '.join(str(error).split()), 120)}",
                where=source,
                next_step="copy tokenizer.json and tokenizer_config.json beside the weights",
            ) from error
        first = len(tokenizer)
        tokenizer.add_tokens([f"<|added_{number}|>" for number in range(first, first + n)])
        if len(tokenizer) != first + n:
            raise MalformedInput(
                "the tokenizer has some of the new tokens already",
                where=source,
                next_step="give another checkpoint",
            )
        tokenizer.save_pretrained(str(folder))


def _extended(rows: Tensor, how: ExtendVocabulary, random: Generator) -> Tensor:
    old = rows.double()
    noise = torch.randn(how.n, rows.shape[1], dtype=torch.float64, generator=random)
    new = old.mean(dim=0) + how.spread * old.std(dim=0) * noise
    return torch.cat([rows, new.to(rows.dtype)])
