"""The C interface of llama.cpp, as the wheel ``xllamacpp`` carries it: models, contexts, tokens and
scores.

The wheel's Python interface is a server, which gives no likelihoods of given texts; its shared
library exports llama.cpp's own functions, which do. Their two structures of settings differ from
build to build, so one build is supported, and its own defaults are held against what they must be
before anything is loaded: a build that is laid out otherwise is refused, never misread. Knows the
library; knows nothing of questions.
"""

from __future__ import annotations

import ctypes as c
import importlib.util
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fingerprints.errors import UsageProblem, missing_extra

PACKAGE, BUILD = "xllamacpp", "2026.10.11549"
POINTER = c.c_void_p
INSTEAD = "leave backend=llama.cpp out: transformers then reads the file dequantised"


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class ModelSettings(c.Structure):
    """``struct llama_model_params`` of the supported build."""

    _fields_ = [
        *_fields(POINTER, "devices overrides"),
        *_fields(c.c_int32, "gpu_layers split_mode load_mode lazy_mode main_gpu"),
        *_fields(POINTER, "tensor_split progress progress_data kv_overrides"),
        *_fields(c.c_bool, "vocab_only check_tensors extra_buffers no_host no_alloc load_mtp"),
    ]


class ContextSettings(c.Structure):
    """``struct llama_context_params`` of the supported build."""

    _fields_ = [
        *_fields(c.c_uint32, "n_ctx n_batch n_ubatch n_seq_max n_rs_seq"),
        *_fields(c.c_uint32, "outputs_max outputs_max_per_seq"),
        *_fields(c.c_int32, "threads threads_batch kind rope_scaling pooling attention flash"),
        *_fields(c.c_float, "rope_base rope_scale yarn_ext yarn_attn yarn_fast yarn_slow"),
        *_fields(c.c_uint32, "yarn_ctx"),
        *_fields(c.c_float, "defrag"),
        *_fields(POINTER, "eval_callback eval_data"),
        *_fields(c.c_int32, "type_k type_v"),
        *_fields(c.c_size_t, "moe_cache"),
        *_fields(POINTER, "abort_callback abort_data"),
        *_fields(c.c_bool, "embeddings offload_kqv no_perf op_offload swa_full kv_unified"),
        *_fields(POINTER, "samplers"),
        *_fields(c.c_size_t, "n_samplers"),
        *_fields(POINTER, "other"),
    ]


class TokenBatch(c.Structure):
    """``struct llama_batch``: tokens with their places, their rows, and whose scores are wanted."""

    _fields_ = [
        ("n_tokens", c.c_int32),
        ("token", c.POINTER(c.c_int32)),
        ("embd", POINTER),
        ("pos", c.POINTER(c.c_int32)),
        ("n_seq_id", c.POINTER(c.c_int32)),
        ("seq_id", c.POINTER(c.POINTER(c.c_int32))),
        ("logits", c.POINTER(c.c_int8)),
    ]


_INT, _TEXT, _BOOL = c.c_int32, c.c_char_p, c.c_bool
_INTS, _FLOATS = c.POINTER(c.c_int32), c.POINTER(c.c_float)
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (POINTER, POINTER)),
    "llama_model_default_params": (ModelSettings, ()),
    "llama_context_default_params": (ContextSettings, ()),
    "llama_model_load_from_file": (POINTER, (_TEXT, ModelSettings)),
    "llama_model_free": (None, (POINTER,)),
    "llama_model_get_vocab": (POINTER, (POINTER,)),
    "llama_model_n_ctx_train": (_INT, (POINTER,)),
    "llama_model_n_swa": (_INT, (POINTER,)),
    "llama_model_is_recurrent": (_BOOL, (POINTER,)),
    "llama_model_is_hybrid": (_BOOL, (POINTER,)),
    "llama_model_has_encoder": (_BOOL, (POINTER,)),
    "llama_init_from_model": (POINTER, (POINTER, ContextSettings)),
    "llama_free": (None, (POINTER,)),
    "llama_n_ctx_seq": (c.c_uint32, (POINTER,)),
    "llama_n_seq_max": (c.c_uint32, (POINTER,)),
    "llama_n_threads": (_INT, (POINTER,)),
    "llama_get_memory": (POINTER, (POINTER,)),
    "llama_memory_seq_rm": (_BOOL, (POINTER, _INT, _INT, _INT)),
    "llama_memory_seq_cp": (None, (POINTER, _INT, _INT, _INT, _INT)),
    "llama_batch_init": (TokenBatch, (_INT, _INT, _INT)),
    "llama_batch_free": (None, (TokenBatch,)),
    "llama_decode": (_INT, (POINTER, TokenBatch)),
    "llama_get_logits": (_FLOATS, (POINTER,)),
    "llama_vocab_n_tokens": (_INT, (POINTER,)),
    "llama_vocab_is_eog": (_BOOL, (POINTER, _INT)),
    "llama_vocab_bos": (_INT, (POINTER,)),
    "llama_vocab_eos": (_INT, (POINTER,)),
    "llama_tokenize": (_INT, (POINTER, _TEXT, _INT, _INTS, _INT, _BOOL, _BOOL)),
    "llama_detokenize": (_INT, (POINTER, _INTS, _INT, _TEXT, _INT, _BOOL, _BOOL)),
}
_LOG = c.CFUNCTYPE(None, c.c_int, c.c_char_p, POINTER)
_silent = _LOG(lambda level, text, data: None)  # kept: the library calls it as long as it is loaded


def backend_name() -> str:
    """What an identity calls this backend: llama.cpp, and the build that answered."""
    return f"llama.cpp ({PACKAGE} {BUILD})"


@lru_cache(maxsize=1)
def library() -> Any:
    """The loaded library, silent, with its functions typed.

    Raises UsageProblem where the wheel is not installed, is another build, exports no functions of
    C (Windows), or lays its settings out otherwise than they are read here.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise missing_extra(PACKAGE, "llama", "answering by llama.cpp")
    found = _installed()
    if found != BUILD:
        raise UsageProblem(
            f"{PACKAGE} {found} is installed, and llama.cpp's settings are known of {BUILD} only",
            next_step=f"pip install {PACKAGE}=={BUILD}",
        )
    try:
        loaded = c.CDLL(_file())
        for name, (gives, takes) in FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = gives, takes
    except (OSError, AttributeError) as error:
        raise UsageProblem(
            f"this build of {PACKAGE} can't be used on this system", next_step=INSTEAD
        ) from error
    check_layout(loaded)
    loaded.llama_log_set(c.cast(_silent, POINTER), None)
    loaded.llama_backend_init()
    return loaded


def _installed() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "without a version"


def _file() -> str:
    package = importlib.util.find_spec(PACKAGE)
    places = (package.submodule_search_locations or []) if package else []
    files = [p for place in places for p in sorted(Path(place).glob(f"{PACKAGE}.*"))]
    shared = [p for p in files if p.suffix in (".so", ".pyd", ".dylib")]
    if not shared:
        raise OSError("no shared library")
    return str(shared[0])


def check_layout(loaded: Any) -> None:
    """Raises UsageProblem unless the library's own defaults stand where they are read here."""
    context, model = loaded.llama_context_default_params(), loaded.llama_model_default_params()
    known = {
        "n_ctx": 512,
        "n_batch": 2048,
        "n_ubatch": 512,
        "n_seq_max": 1,
        "threads": 4,
        "threads_batch": 4,
        "rope_scaling": -1,
        "flash": -1,
        "yarn_attn": -1.0,
        "defrag": -1.0,
        "type_k": 1,
        "type_v": 1,
        "embeddings": False,
        "offload_kqv": True,
        "no_perf": True,
        "swa_full": True,
        "kv_unified": False,
        "samplers": None,
        "n_samplers": 0,
    }
    told = {name: getattr(context, name) for name in known}
    loads = (model.gpu_layers, model.split_mode, model.load_mode, model.main_gpu)
    flags = (model.vocab_only, model.check_tensors, model.extra_buffers, model.no_alloc)
    if told != known or loads != (-1, 1, -1, 0) or flags != (False, False, True, False):
        raise UsageProblem(
            f"this build of {PACKAGE} lays its settings out in another way", next_step=INSTEAD
        )
